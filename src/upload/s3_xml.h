/* What S3 answers in XML: errors, pages of a listing, what a deletion refused.
 *
 * For: answers as they come over the wire, cut short, hostile or of another server: elements are
 * found by name wherever namespaces put them, unknown ones are passed over, a document type is
 * refused, and every text has a cap. Not for: writing XML but s3_xml_escape().
 *
 * Pure functions; texts handed out live during the call alone.
 */
#ifndef UPLOAD_S3_XML_H
#define UPLOAD_S3_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

#define S3_XML_TOKEN_MAX 2048 /* of a continuation token */

struct s3_xml_error {
    char code[64], message[256], region[64];
};

/* False: the text is no <Error>. */
bool s3_xml_error(const char *data, size_t len, struct s3_xml_error *error);

struct s3_xml_page {
    bool truncated; /* there are more */
    bool ended;     /* take() did not want more */
    char token[S3_XML_TOKEN_MAX + 1];
};

/* Keys are decoded. Returning false ends it. */
typedef bool s3_xml_take_fn(void *payload, const char *key, size_t key_len, const char *etag,
                            uint64_t size);
bool s3_xml_list(const char *data, size_t len, s3_xml_take_fn *take, void *payload,
                 struct s3_xml_page *page, struct error *err);

/* The first object that was not removed, if any; one that is not there is removed. */
struct s3_xml_deleted {
    bool refused;
    char key[1025];
    struct s3_xml_error error;
};
bool s3_xml_deleted(const char *data, size_t len, struct s3_xml_deleted *deleted,
                    struct error *err);

/* Appends text for an element. */
void s3_xml_escape(struct strbuf *out, const char *text);

#endif
