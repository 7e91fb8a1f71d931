#include "worker/report.h"

#include "base/version.h"

#define PROBLEMS_SHOWN 20

void report_start(struct log *log, const char *id, const struct config *config)
{
    struct log_line line;
    log_begin(&line, log, LOG_INFO, "starting");
    log_text(&line, "version", PLATEN_VERSION);
    log_text(&line, "id", id);
    log_text(&line, "out", config->out);
    log_end(&line);
}

static void report_failure(struct log *log, const struct looked *looked)
{
    struct log_line line;
    log_begin(&line, log, LOG_ERROR, "look failed");
    log_text(&line, "reason", look_reason_name(looked->order.reason));
    log_text(&line, "text", looked->err.text);
    log_end(&line);
}

static void report_problem(struct log *log, const struct press_problem *p)
{
    static const char *const actions[] = {"held", "omitted", "kept"};
    struct log_line line;
    log_begin(&line, log, LOG_WARNING, actions[p->action]);
    if (p->set[0] != '\0')
        log_text(&line, "page_set", p->set);
    if (p->locale[0] != '\0')
        log_text(&line, "locale", p->locale);
    if (p->key[0] != '\0')
        log_text(&line, "key", p->key);
    log_text(&line, "text", p->text);
    log_end(&line);
}

static void report_problems(struct log *log, const struct press_result *r)
{
    size_t shown = r->n_problems < PROBLEMS_SHOWN ? r->n_problems : PROBLEMS_SHOWN;
    uint64_t more = r->n_problems - shown + r->more_problems;
    for (size_t i = 0; i < shown; i++)
        report_problem(log, &r->problems[i]);
    if (more > 0) {
        struct log_line line;
        log_begin(&line, log, LOG_WARNING, "more problems");
        log_number(&line, "count", (int64_t)more);
        log_end(&line);
    }
    if (r->warning != NULL)
        log_say(log, LOG_WARNING, "warning", r->warning);
}

/* A look that found nothing new is worth a line only to somebody who follows every one, or who has
 * just given a command. */
static void report_result(struct log *log, const struct looked *looked)
{
    const struct press_result *r = &looked->result;
    bool first = looked->order.reason == LOOK_START || looked->order.reason == LOOK_COMMAND;
    struct log_line line;
    log_begin(&line, log, r->released || first ? LOG_INFO : LOG_DEBUG,
              r->released ? "printed" : "looked");
    log_text(&line, "reason", look_reason_name(looked->order.reason));
    log_text(&line, "read", r->incremental ? "changes" : "everything");
    if (r->full_because != NULL)
        log_text(&line, "because", r->full_because);
    log_number(&line, "generation", (int64_t)r->generation);
    if (r->pin != NULL)
        log_text(&line, "pinned_since", r->pin->since);
    log_number(&line, "pages", (int64_t)r->pages);
    log_number(&line, "added", (int64_t)r->added);
    log_number(&line, "changed", (int64_t)r->changed);
    log_number(&line, "removed", (int64_t)r->removed);
    if (looked->order.hints > 0)
        log_number(&line, "notifications", (int64_t)looked->order.hints);
    log_seconds(&line, "seconds", r->seconds);
    log_end(&line);
}

void report_look(struct log *log, const struct looked *looked)
{
    if (!looked->ok) {
        report_failure(log, looked);
        return;
    }
    report_problems(log, &looked->result);
    if (looked->result.unnamed)
        log_say(
            log, LOG_WARNING, "unnamed changes",
            "reading everything found what the change log did not name; is every table that pages "
            "are made from watched, and enabled (SELECT * FROM platen.watched)?");
    if (looked->result.behind)
        log_say(log, LOG_WARNING, "standby is behind",
                "database.source is a standby that has not replayed what was notified; looking "
                "again");
    report_result(log, looked);
}
