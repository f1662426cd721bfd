/*
 * Main: the table of roles, and the life of a process: command line, start, signals, stop.
 *
 *     vigie [up]        all roles in one process (up.c)
 *     vigie ROLE …      that role alone, with the original's flags
 *     prometheus …      the same through a symlink with the original's name
 *     vigie docs ROLE   the role's flags as a Markdown page
 *
 * Layer: main, above the roles. Memory: options live in one arena until the end. Thread: main.
 */
#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "os/process.h"
#include "role/role.h"
#include "role/runtime.h"
#include "role/version.h"
#include "up.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTIONS_MEMORY_MAX = 1024 * 1024, /* bytes for all command line values */
};

/* How jemalloc behaves (ignored by any other allocator): few arenas, because loops and workers are
 * few; unused pages go back to the system soon, by a thread of its own, so that resident
 * memory is what is in use. */
__attribute__((visibility("default"))) extern const char *malloc_conf;
const char *malloc_conf = "narenas:4,background_thread:true,dirty_decay_ms:200,muzzy_decay_ms:0";

static const Role *const roles[] = {
    &role_node_exporter,
    &role_prometheus,
    &role_grafana,
};

static void print(FILE *to, const Buf *text)
{
    Str view = buf_view(text);
    (void)fwrite(view.ptr, 1, view.len, to);
}

static bool has_name(const Role *role, Str name)
{
    if (str_eq(str_from(role->name), name)) {
        return true;
    }
    for (const char *const *other = role->other_names; other && *other; other++) {
        if (str_eq(str_from(*other), name)) {
            return true;
        }
    }
    return false;
}

static const Role *find_role(Str name)
{
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        if (has_name(roles[i], name)) {
            return roles[i];
        }
    }
    return NULL;
}

static void usage(FILE *to)
{
    (void)fputs("usage: vigie [up] [<flags>]   all roles in one process\n"
                "       vigie ROLE [<flags>]   one role, with the flags of the original\n"
                "       vigie --version\n\n"
                "Roles:\n",
                to);
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        const Role *role = roles[i];
        ASSERT(role); /* the table has no holes, which clang-tidy cannot know */
        (void)fprintf(to, "  %-16s %s\n", role->name, role->summary);
    }
    (void)fputs("\n`vigie up --help` and `vigie ROLE --help` list the flags.\n", to);
}

static void print_version(const Role *role)
{
    Buf text;
    buf_init(&text, 4 * KIB);
    version_print(&text, str_from(role ? role->name : "vigie"),
                  str_from(role ? role->compatible_version : VIGIE_VERSION));
    print(stdout, &text);
    buf_done(&text);
}

static void print_help(const OptTable *table)
{
    Buf text;
    buf_init(&text, MIB);
    opts_help(table, &text);
    print(stdout, &text);
    buf_done(&text);
}

/* The flags as a Markdown page: docs/flags holds what this prints, and a test compares them. */
static int print_docs(Str name)
{
    const Role *role = find_role(name);
    Buf text;
    if (!role) {
        (void)fprintf(stderr, "vigie docs: no role is named \"" STR_FMT "\"\n", STR_ARG(name));
        return EXIT_FAILURE;
    }
    buf_init(&text, MIB);
    opts_docs(role->options, &text);
    print(stdout, &text);
    buf_done(&text);
    return EXIT_SUCCESS;
}

/* Runs until a signal or the role itself ends it. */
static void serve(const Role *role, void *self)
{
    enum { EXIT_POLL_MS = 200 };
    for (;;) {
        int signal = signals_wait(role->wants_exit ? EXIT_POLL_MS : -1);
        if (signal == SIGNAL_STOP || (role->wants_exit && role->wants_exit(self))) {
            log_info("Stopping", LOG_STR("role", str_from(role->name)));
            return;
        }
        Err err = {0};
        if (signal == SIGNAL_RELOAD && role->reload && !role->reload(self, &err)) {
            log_error("Reload failed, the running configuration stays", LOG_ERR(&err));
        }
    }
}

static int fail(const Role *role, const Err *err)
{
    (void)fprintf(stderr, "%s: %s\n", role->name, err->message);
    return EXIT_FAILURE;
}

static int run_role(const Role *role, int argc, char **argv, Arena *arena)
{
    Err err = {0};
    OptList rest = {0};
    void *opts = arena_zero(arena, 1, role->opts_size, _Alignof(max_align_t));
    switch (opts_parse(role->options, argc, argv, arena, opts, &rest, &err)) {
    case OPT_HELP:
        print_help(role->options);
        return EXIT_SUCCESS;
    case OPT_VERSION:
        print_version(role);
        return EXIT_SUCCESS;
    case OPT_BAD:
        (void)fprintf(stderr, "%s: error: %s, try --help\n", role->name, err.message);
        return role->usage_exit;
    case OPT_RUN:
        break;
    }
    if (!role->prepare(opts, &err)) {
        return fail(role, &err);
    }
    Runtime runtime;
    if (!runtime_open(&runtime, &err)) {
        return fail(role, &err);
    }
    Wiring wiring = {0};
    void *self = NULL;
    int status = EXIT_SUCCESS;
    if (role->open(&runtime, opts, &wiring, &self, &err)) {
        serve(role, self);
        role->close(self);
    } else {
        log_error("Start failed", LOG_STR("role", str_from(role->name)), LOG_ERR(&err));
        bool bad_input = err.code == ERR_INVALID || err.code == ERR_NOT_FOUND;
        status = bad_input ? role->usage_exit : EXIT_FAILURE;
    }
    runtime_close(&runtime);
    return status;
}

static Str base_name(const char *path)
{
    Str name = str_from(path);
    size_t slash = str_find_last_byte(name, '/');
    return slash == STR_NOT_FOUND ? name : str_skip(name, slash + 1);
}

static int dispatch(int argc, char **argv, Arena *arena)
{
    const Role *by_symlink = find_role(base_name(argv[0]));
    if (by_symlink) {
        return run_role(by_symlink, argc, argv, arena);
    }
    Str word = argc > 1 ? str_from(argv[1]) : S("up");
    if (str_eq(word, S("--version"))) {
        print_version(NULL);
        return EXIT_SUCCESS;
    }
    if (str_eq(word, S("--help")) || str_eq(word, S("-h")) || str_eq(word, S("help"))) {
        usage(stdout);
        return EXIT_SUCCESS;
    }
    if (str_eq(word, S("docs")) && argc == 3) {
        return print_docs(str_from(argv[2]));
    }
    if (str_eq(word, S("up"))) {
        int used = argc > 1 ? 1 : 0;
        return up_main(roles, COUNT_OF(roles), argc - used, argv + used, arena);
    }
    if (str_starts_with(word, S("-"))) { /* vigie --data DIR is vigie up --data DIR */
        return up_main(roles, COUNT_OF(roles), argc, argv, arena);
    }
    const Role *role = find_role(word);
    if (!role) {
        (void)fprintf(stderr, "vigie: no role is named \"%s\"\n\n", argv[1]);
        usage(stderr);
        return EXIT_FAILURE;
    }
    return run_role(role, argc - 1, argv + 1, arena);
}

int main(int argc, char **argv)
{
    signals_block();
    Arena arena;
    arena_init(&arena, OPTIONS_MEMORY_MAX);
    int status = dispatch(argc, argv, &arena);
    arena_done(&arena);
    return status;
}
