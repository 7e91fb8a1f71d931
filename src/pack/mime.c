#include "pack/mime.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define UTF8 "; charset=utf-8"

struct mime {
    const char *suffix, *type;
};

static const struct mime types[] = {
    {"html", "text/html" UTF8},
    {"htm", "text/html" UTF8},
    {"json", "application/json"},
    {"css", "text/css" UTF8},
    {"js", "text/javascript" UTF8},
    {"mjs", "text/javascript" UTF8},
    {"xml", "application/xml" UTF8},
    {"txt", "text/plain" UTF8},
    {"svg", "image/svg+xml" UTF8},
    {"webmanifest", "application/manifest+json"},
    {"map", "application/json"},
    {"jsonld", "application/ld+json"},
    {"geojson", "application/geo+json"},
    {"rss", "application/rss+xml" UTF8},
    {"atom", "application/atom+xml" UTF8},
    {"xsl", "application/xml" UTF8},
    {"md", "text/markdown" UTF8},
    {"csv", "text/csv" UTF8},
    {"vtt", "text/vtt" UTF8},
    {"ics", "text/calendar" UTF8},
    {"vcf", "text/vcard" UTF8},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"ico", "image/vnd.microsoft.icon"},
    {"bmp", "image/bmp"},
    {"woff2", "font/woff2"},
    {"woff", "font/woff"},
    {"ttf", "font/ttf"},
    {"otf", "font/otf"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
    {"ogv", "video/ogg"},
    {"mp3", "audio/mpeg"},
    {"m4a", "audio/mp4"},
    {"ogg", "audio/ogg"},
    {"opus", "audio/ogg"},
    {"wav", "audio/wav"},
    {"flac", "audio/flac"},
    {"pdf", "application/pdf"},
    {"wasm", "application/wasm"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
    {"br", "application/x-brotli"},
};

#define UNKNOWN "application/octet-stream"

const char *mime_type(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash != NULL ? slash : path, '.');
    if (dot == NULL)
        return UNKNOWN;
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (strcasecmp(dot + 1, types[i].suffix) == 0)
            return types[i].type;
    return UNKNOWN;
}

bool mime_is_compressible(const char *type)
{
    static const char *const inside[] = {"json",     "xml",       "font/ttf",
                                         "font/otf", "image/bmp", "vnd.microsoft.icon",
                                         "wasm",     "audio/wav"};
    if (strncmp(type, "text/", 5) == 0 || strcmp(type, UNKNOWN) == 0)
        return true;
    for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++)
        if (strstr(type, inside[i]) != NULL)
            return true;
    return false;
}
