/* platen upload: send what differs to the origin. */
#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/result.h"
#include "cmd/uploading.h"

static void print_json(const struct uploading *u, const struct options *o)
{
    struct strbuf sb = STRBUF_INIT;
    strbuf_addf(&sb, "{\"exit\":%d,\"upload\":", u->code);
    uploading_add_json(&sb, u, o->dry_run);
    strbuf_addstr(&sb, "}\n");
    fwrite(sb.buf, 1, sb.len, stdout);
    strbuf_release(&sb);
}

static int upload(struct config *c, const struct options *o)
{
    struct uploading u;
    struct upload_options options = {
        .dry_run = o->dry_run, .verify = o->verify, .accept = o->accept};
    uploading_run(&u, c, o, &options);
    if (o->json)
        print_json(&u, o);
    else if (!o->quiet)
        uploading_print(&u, o);
    int code = result_flush(u.code);
    uploading_release(&u);
    return code;
}

int cmd_upload(int argc, char **argv)
{
    return options_run(argc, argv, upload);
}
