"""What is at an origin, as somebody else sees it, and what should be there.

    origin = FolderOrigin(tmp_path / "origin")          # or BucketOrigin(s3, "bucket", "prefix/")
    platen("upload", ..., env=origin.env)
    assert origin.bodies() == expected(out)
"""

import gzip
import pathlib

from printing import tree

PRIVATE = ".platen/"


def expected(out, mode="sidecar", directory_keys=False):
    """{key: body} of a release in out/ under a mode."""
    files = {path: body for path, body in tree(out).items() if body is not None}
    found = {}
    for path, body in files.items():
        if path.endswith(".gz") and path[:-3] in files:
            if mode != "replace":
                found[path] = body
            continue
        twin = files.get(path + ".gz")
        found[path] = twin if mode != "sidecar" and twin is not None else body
        if directory_keys and path.endswith("/index.html"):
            found[path[:-len("index.html")]] = found[path]
    return found


class FolderOrigin:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.env = {"PLATEN_ORIGIN": str(self.folder)}

    def all(self):
        return {str(f.relative_to(self.folder)): f.read_bytes() for f in self.folder.rglob("*")
                if f.is_file() and f.name != ".platen.lock"}

    def bodies(self):
        return {key: body for key, body in self.all().items() if not key.startswith(".")}

    def record(self):
        """The text of the origin's record."""
        return gzip.decompress((self.folder / ".platen/manifest.json.gz").read_bytes()).decode("utf-8")

    def put(self, key, body):
        (self.folder / key).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / key).write_bytes(body)

    def delete(self, key):
        (self.folder / key).unlink()


class BucketOrigin:
    """s3: an S3Server; what is there is seen through boto3. endpoint: where platen goes, if elsewhere."""

    def __init__(self, s3, bucket, prefix="", endpoint=None):
        self.client, self.bucket, self.prefix = s3.client(), bucket, prefix
        self.env = {"PLATEN_ORIGIN": "s3://%s/%s" % (bucket, prefix.rstrip("/")), "AWS_ENDPOINT_URL_S3": endpoint or s3.endpoint,
                    "AWS_EC2_METADATA_DISABLED": "true", **s3.env()}

    def keys(self):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        return [found["Key"][len(self.prefix):] for page in pages for found in page.get("Contents", ())]

    def get(self, key):
        return self.client.get_object(Bucket=self.bucket, Key=self.prefix + key)

    def all(self):
        return {key: self.get(key)["Body"].read() for key in self.keys()}

    def bodies(self):
        return {key: body for key, body in self.all().items() if not key.startswith(PRIVATE)}

    def record(self):
        return gzip.decompress(self.get(".platen/manifest.json.gz")["Body"].read()).decode("utf-8")

    def put(self, key, body):
        self.client.put_object(Bucket=self.bucket, Key=self.prefix + key, Body=body)

    def delete(self, key):
        self.client.delete_object(Bucket=self.bucket, Key=self.prefix + key)
