/*
 * Opts: the command line of a role as one table, which gives parsing, validation, `--help` and the
 * page in docs/. The grammar is that of the originals (kingpin): `--a.b=c`, `--a.b c`, `--flag`,
 * `--no-flag`, `-x`, `--` ends the flags; a repeatable flag collects.
 *
 *     typedef struct PromOpts {
 *         Str config_file;
 *         i64 retention_ms;
 *         bool lifecycle;
 *         OptList listen;
 *     } PromOpts;
 *     static const OptSpec specs[] = {
 *         {.name = "config.file", .kind = OPT_STR, .offset = offsetof(PromOpts, config_file),
 *          .initial = "prometheus.yml", .help = "Prometheus configuration file path."},
 *     };
 *
 * Layer: base; no I/O, so help and errors come back as text. Memory: values borrow argv or the
 * table. Thread: any.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

enum {
    OPT_VALUE_TEXT_MAX = 64 * 1024, /* bytes of one value as opts_each gives it */
};

typedef enum OptKind {
    OPT_STR,      /* Str */
    OPT_BOOL,     /* bool; --x and --no-x */
    OPT_I64,      /* i64, between min and max when those differ; 5e7 is read too */
    OPT_F64,      /* f64 */
    OPT_DURATION, /* i64, milliseconds */
    OPT_SIZE,     /* u64, bytes */
    OPT_LIST,     /* OptList, repeatable */
    OPT_ENUM,     /* Str, one of `choices` */
    OPT_IGNORED,  /* accepted for the original's sake, has no effect (takes a value) */
    OPT_IGNORED_BOOL,
} OptKind;

typedef struct OptList {
    Str *at;
    size_t count;
} OptList;

typedef struct OptSpec {
    const char *name; /* without the dashes */
    char letter;      /* '-x', or 0 */
    OptKind kind;
    size_t offset;              /* of the field in the role's struct */
    const char *initial;        /* as on the command line; NULL: zero. Lists: one element or NULL */
    i64 min, max;               /* for OPT_I64; both 0: no bound */
    const char *const *choices; /* for OPT_ENUM; ends in NULL */
    const char *placeholder;    /* in help, as in the original: NULL derives one */
    const char *help;
    bool hidden; /* parsed, not in --help */
    bool required;
} OptSpec;

typedef struct OptTable {
    const char *program;   /* "prometheus" */
    const char *summary;   /* first paragraph of --help */
    const char *arguments; /* "[<file>...]", or NULL when none are taken */
    const OptSpec *specs;
    size_t count;
} OptTable;

typedef enum OptOutcome {
    OPT_RUN,     /* values are filled */
    OPT_HELP,    /* print opts_help to standard output, exit 0 */
    OPT_VERSION, /* --version */
    OPT_BAD, /* err says why; print "program: error: …, try --help" to standard error, exit 1 */
} OptOutcome;

/*
 * Fills `values` (the role's struct) with defaults, then from argv[1…].
 * ret_rest  arguments that are no flags, in order; NULL when none are allowed
 * Errors    ERR_INVALID in the original's words: "unknown long flag '--x'", "expected argument for
 * flag '--x'", …
 */
OptOutcome opts_parse(const OptTable *table, int argc, char *const *argv, Arena *arena,
                      void *values, OptList *ret_rest, Err *err) MUST_USE;

void opts_help(const OptTable *table, Buf *out);
void opts_docs(const OptTable *table, Buf *out); /* Markdown table for docs/ */

/* The values in force, for /api/v1/status/flags: calls `each` once a flag, by name. */
void opts_each(const OptTable *table, const void *values,
               void (*each)(void *self, Str name, Str value), void *self);
