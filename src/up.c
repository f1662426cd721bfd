/* Up: see up.h. Layer: main. Memory: the arena's. Thread: main. */
#include "up.h"

#include "base/log.h"
#include "base/time.h"
#include "os/file.h"
#include "os/process.h"
#include "role/log_options.h"
#include "role/runtime.h"
#include "role/version.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROLES_MAX = 32,
    DIRECTORY_MODE = 0750,
};

typedef struct UpOpts {
    Str config_root;
    Str data;
    Str listen;
    OptList only;
    OptList without;
    Str log_level;
    Str log_format;
} UpOpts;

static const OptSpec specs[] = {
    {.name = "config.root",
     .kind = OPT_STR,
     .offset = offsetof(UpOpts, config_root),
     .initial = "/etc",
     .help = "Folder that holds prometheus/prometheus.yml and the other roles' files."},
    {.name = "data",
     .kind = OPT_STR,
     .offset = offsetof(UpOpts, data),
     .initial = "data",
     .help = "Folder for everything that is stored."},
    {.name = "listen",
     .kind = OPT_STR,
     .offset = offsetof(UpOpts, listen),
     .initial = "127.0.0.1",
     .help = "Address on which every role listens, on its usual port."},
    {.name = "only",
     .kind = OPT_LIST,
     .offset = offsetof(UpOpts, only),
     .placeholder = "ROLE,...",
     .help = "Start these roles alone."},
    {.name = "without",
     .kind = OPT_LIST,
     .offset = offsetof(UpOpts, without),
     .placeholder = "ROLE,...",
     .help = "Start all roles but these."},
    LOG_OPTIONS(UpOpts),
};

static const OptTable table = {
    .program = "vigie up",
    .summary = "All roles in one process. What has no file below the root gets a built-in default.",
    .specs = specs,
    .count = COUNT_OF(specs),
};

typedef struct Up {
    const Role *roles[ROLES_MAX];
    void *selves[ROLES_MAX];
    size_t count; /* of roles that are open, in order of opening */
    Runtime runtime;
    Wiring wiring;
} Up;

/* Is `name` in a list whose elements may themselves be "a,b"? */
static bool list_has(const OptList *list, Str name)
{
    for (size_t i = 0; i < list->count; i++) {
        Str rest = list->at[i];
        Str part;
        while (str_split_next(&rest, ',', &part)) {
            if (str_eq(str_trim(part), name)) {
                return true;
            }
        }
    }
    return false;
}

static bool fail_unknown(Str name, const Role *const *roles, size_t count, Err *err)
{
    Buf known;
    buf_init(&known, 4 * KIB);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&known, "%s%s", i > 0 ? ", " : "", roles[i]->name);
    }
    (void)err_set(err, ERR_INVALID, "no role is named \"" STR_FMT "\"; there are " STR_FMT,
                  STR_ARG(name), STR_ARG(buf_view(&known)));
    buf_done(&known);
    return false;
}

/* A role that does not exist, named in --only or --without, is a mistake worth stopping for. */
static bool check_names(const OptList *list, const Role *const *roles, size_t count, Err *err)
{
    for (size_t i = 0; i < list->count; i++) {
        Str rest = list->at[i];
        Str part;
        while (str_split_next(&rest, ',', &part)) {
            bool known = false;
            for (size_t r = 0; r < count; r++) {
                known = known || str_eq(str_from(roles[r]->name), str_trim(part));
            }
            if (!known) {
                return fail_unknown(part, roles, count, err);
            }
        }
    }
    return true;
}

static bool chosen(const UpOpts *opts, const Role *role)
{
    Str name = str_from(role->name);
    if (opts->only.count > 0) {
        return list_has(&opts->only, name);
    }
    return role->started_by_up && !list_has(&opts->without, name);
}

static bool open_role(Up *up, const Role *role, const UpContext *context, Err *err)
{
    void *opts = arena_zero(context->arena, 1, role->opts_size, _Alignof(max_align_t));
    char *argv[] = {(char *)role->name, NULL};
    if (opts_parse(role->options, 1, argv, context->arena, opts, NULL, err) != OPT_RUN ||
        !role->up(context, opts, err)) {
        return err_wrap(err, "%s", role->name);
    }
    if (!role->open(&up->runtime, opts, &up->wiring, &up->selves[up->count], err)) {
        return false; /* the role names itself */
    }
    up->roles[up->count++] = role;
    return true;
}

static bool open_all(Up *up, const UpOpts *opts, const Role *const *roles, size_t count,
                     Arena *arena, Err *err)
{
    const UpContext context = {
        .config_root = opts->config_root,
        .data_dir = opts->data,
        .listen = opts->listen,
        .arena = arena,
    };
    ASSERT(count <= ROLES_MAX);
    if (!check_names(&opts->only, roles, count, err) ||
        !check_names(&opts->without, roles, count, err)) {
        return false;
    }
    if (!dir_make(opts->data.ptr, DIRECTORY_MODE, err)) {
        return err_wrap(err,
                        "the folder for everything that is stored (choose another with --data)");
    }
    for (size_t i = 0; i < count; i++) {
        if (chosen(opts, roles[i]) && !open_role(up, roles[i], &context, err)) {
            return false;
        }
    }
    return true;
}

/* The last opened goes first, so that nobody loses what it uses. */
static void close_all(Up *up)
{
    while (up->count > 0) {
        up->count--;
        up->roles[up->count]->close(up->selves[up->count]);
    }
}

static void reload_all(Up *up)
{
    for (size_t i = 0; i < up->count; i++) {
        Err err = {0};
        if (up->roles[i]->reload && !up->roles[i]->reload(up->selves[i], &err)) {
            log_error("Reload failed, the running configuration stays",
                      LOG_STR("role", str_from(up->roles[i]->name)), LOG_ERR(&err));
        }
    }
}

static bool any_wants_exit(const Up *up)
{
    for (size_t i = 0; i < up->count; i++) {
        if (up->roles[i]->wants_exit && up->roles[i]->wants_exit(up->selves[i])) {
            return true;
        }
    }
    return false;
}

static void serve(Up *up)
{
    enum { EXIT_POLL_MS = 200 };
    for (;;) {
        int signal = signals_wait(EXIT_POLL_MS);
        if (signal == SIGNAL_STOP || any_wants_exit(up)) {
            log_info("Stopping");
            return;
        }
        if (signal == SIGNAL_RELOAD) {
            reload_all(up);
        }
    }
}

static void describe(const Up *up)
{
    Buf text;
    buf_init(&text, 64 * KIB);
    buf_lit(&text, "\nVigie is up:\n");
    for (size_t i = 0; i < up->count; i++) {
        up->roles[i]->describe(up->selves[i], &text);
    }
    buf_byte(&text, '\n');
    Str view = buf_view(&text);
    (void)fwrite(view.ptr, 1, view.len, stdout);
    (void)fflush(stdout);
    buf_done(&text);
}

static int run(const UpOpts *opts, const Role *const *roles, size_t count, Arena *arena)
{
    Err err = {0};
    Up up = {0};
    if (!runtime_open(&up.runtime, &err)) {
        (void)fprintf(stderr, "vigie: %s\n", err.message);
        return EXIT_FAILURE;
    }
    up.runtime.listen_option = "--listen, or leave the role out with --without";
    bool ok = open_all(&up, opts, roles, count, arena, &err);
    if (ok) {
        describe(&up);
        serve(&up);
    } else {
        (void)fprintf(stderr, "vigie: %s\n", err.message);
    }
    close_all(&up);
    runtime_close(&up.runtime);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int up_main(const Role *const *roles, size_t count, int argc, char **argv, Arena *arena)
{
    UpOpts opts = {0};
    Err err = {0};
    Buf text;
    switch (opts_parse(&table, argc, argv, arena, &opts, NULL, &err)) {
    case OPT_HELP:
        buf_init(&text, MIB);
        opts_help(&table, &text);
        (void)fwrite(text.data, 1, text.len, stdout);
        buf_done(&text);
        return EXIT_SUCCESS;
    case OPT_VERSION:
        buf_init(&text, 4 * KIB);
        version_print(&text, S("vigie"), S(VIGIE_VERSION));
        (void)fwrite(text.data, 1, text.len, stdout);
        buf_done(&text);
        return EXIT_SUCCESS;
    case OPT_BAD:
        (void)fprintf(stderr, "vigie up: error: %s, try --help\n", err.message);
        return EXIT_FAILURE;
    case OPT_RUN:
        break;
    }
    if (!log_options_apply(opts.log_level, opts.log_format, &err)) {
        (void)fprintf(stderr, "vigie up: error: %s, try --help\n", err.message);
        return EXIT_FAILURE;
    }
    return run(&opts, roles, count, arena);
}
