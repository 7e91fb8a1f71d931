# Varnish in front of an origin that platen uploads to. Change the backend and the purgers; then in platen.yaml:
#
#   purge:
#     - type: varnish
#       url: http://cache.internal:6081/
#
# What may be cached, and how long, is what the origin says (s-maxage); platen purges what has changed. Objects are kept
# packed and unpacked for those who do not take gzip, so an address has one object, and one PURGE drops it.

vcl 4.1;

import std;

backend default {
    .host = "127.0.0.1";
    .port = "8080";
}

# Who may purge: the machines that platen runs on.
acl purgers {
    "localhost";
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    # Pages are files: a query does not choose another one, and must not hide an object from a purge.
    set req.url = regsub(req.url, "\?.*$", "");
    if (req.http.Host) {
        set req.http.Host = std.tolower(req.http.Host);
    }

    if (req.method == "PURGE" || req.method == "BAN") {
        if (client.ip !~ purgers) {
            return (synth(405, "Not allowed"));
        }
        if (req.method == "PURGE") {
            return (purge);
        }
        # X-Ban-Url is a regular expression over addresses of this host. Only obj is named, so that the ban lurker
        # can work it off.
        if (!req.http.X-Ban-Url || !req.http.Host) {
            return (synth(400, "Host and X-Ban-Url are needed"));
        }
        if (std.ban("obj.http.X-Cached-Host == " + req.http.Host + " && obj.http.X-Cached-Url ~ " + req.http.X-Ban-Url)) {
            return (synth(200, "Banned"));
        }
        return (synth(400, std.ban_error()));
    }
    if (req.method != "GET" && req.method != "HEAD") {
        return (synth(405, "Not allowed"));
    }

    # What begins with a dot is not the public's, above all .platen/ with the origin's record. An origin takes %2E for a
    # dot; no address of a page spells letters, digits or -._~ so.
    if (req.url ~ "/\.(?!well-known(/|$))" ||
        req.url ~ "(?i)%(2[de]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])") {
        return (synth(404, "Not Found"));
    }
    unset req.http.Cookie;
    unset req.http.Authorization;
}

sub vcl_backend_fetch {
    # nginx sends no gzip to those who come through a proxy, unless it is told to (gzip_proxied).
    unset bereq.http.Via;
}

sub vcl_backend_response {
    set beresp.http.X-Cached-Host = bereq.http.Host;
    set beresp.http.X-Cached-Url = bereq.url;
    unset beresp.http.Set-Cookie;
    if (beresp.status == 404 || beresp.status == 410) {
        set beresp.ttl = 10s;
    }
    # An origin that is down does not replace a page that is here.
    set beresp.grace = 1d;
    if (beresp.status >= 500 && bereq.is_bgfetch) {
        return (abandon);
    }
}

sub vcl_deliver {
    unset resp.http.X-Cached-Host;
    unset resp.http.X-Cached-Url;
    if (obj.hits > 0) {
        set resp.http.X-Cache = "HIT";
    } else {
        set resp.http.X-Cache = "MISS";
    }
}
