/* platen version */
#include <stdio.h>

#include <libpq-fe.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <unicode/uversion.h>
#include <yaml.h>
#include <zlib.h>

#include "base/version.h"
#include "cmd/options.h"

/* Pages' bytes may change with zlib and ICU: reports should name them. */
static void print_libraries(void)
{
    UVersionInfo icu;
    char icu_text[U_MAX_VERSION_STRING_LENGTH];
    u_getVersion(icu);
    u_versionToString(icu, icu_text);
    int pq = PQlibVersion();
    printf("libpq %d.%d\n", pq / 10000, pq % 10000);
    printf("zlib %s\n", zlibVersion());
    printf("ICU %s\n", icu_text);
    printf("libyaml %s\n", yaml_get_version_string());
    printf("libmicrohttpd %s\n", MHD_get_version());
    printf("%s\n", OpenSSL_version(OPENSSL_VERSION));
}

int cmd_version(int argc, char **argv)
{
    struct options o;
    int code;
    if (!options_begin(&o, argc, argv, &code))
        return code;
    printf("platen %s\n", PLATEN_VERSION);
    if (o.verbose)
        print_libraries();
    return CMD_DONE;
}
