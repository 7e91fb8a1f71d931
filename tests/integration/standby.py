"""A hot standby that streams from a Cluster.

    with Cluster() as primary, Standby(primary) as standby:
        standby.caught_up()
        standby.cut_off()       # what is committed from now on never gets there
        standby.promote()
"""

import os
import subprocess
import time

from pgcluster import SUPERUSER, Cluster, ClusterError


class Standby(Cluster):
    def __init__(self, primary, **more):
        super().__init__(**more)
        self.primary = primary

    def _initdb(self):
        argv = [self._program("pg_basebackup"), "-h", self.primary.directory, "-p", str(self.primary.port), "-U", SUPERUSER,
                "-D", os.path.join(self.directory, "data"), "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast",
                "--no-sync"]
        done = subprocess.run(self._as_server(argv), cwd=self.directory, capture_output=True, text=True)
        if done.returncode != 0:
            raise ClusterError("pg_basebackup failed:\n%s%s" % (done.stdout, done.stderr))

    def value(self, sql):
        return self.psql("postgres", command=sql, options=("-A", "-t")).stdout.strip()

    def _until(self, sql, seconds=20):
        deadline = time.monotonic() + seconds
        while self.value(sql) != "t":
            if time.monotonic() > deadline:
                raise ClusterError("not within %d s: %s\n%s" % (seconds, sql, self.log()))
            time.sleep(0.02)

    def caught_up(self):
        """Waits until everything committed on the primary so far can be seen here."""
        # what nobody waited for may not even have been written yet: the record of a switch is, with all before it
        lsn = self.primary.psql("postgres", command="SELECT pg_switch_wal(); SELECT pg_current_wal_flush_lsn()",
                                options=("-A", "-t")).stdout.split()[-1]
        self._until("SELECT pg_last_wal_replay_lsn() >= '%s'" % lsn)

    def cut_off(self):
        """Nothing more comes from the primary."""
        self.psql("postgres", command="ALTER SYSTEM SET primary_conninfo = ''")
        self.psql("postgres", command="SELECT pg_reload_conf()")
        self._until("SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)")

    def promote(self):
        """A primary of its own, on a timeline of its own."""
        self.psql("postgres", command="SELECT pg_promote()")
        self._until("SELECT NOT pg_is_in_recovery()")
