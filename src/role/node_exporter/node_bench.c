/*
 * Bench: CPU time of one scrape of this machine, without the HTTP around it.
 *
 * Layer: role/node_exporter. Thread: main.
 */
#include "role/node_exporter/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SCRAPES = 500, WARM = 20, PAGE_MAX = 64 * 1024 * 1024, OPTIONS_MAX = 1024 * 1024 };

static f64 cpu_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (f64)now.tv_sec * 1e6 + (f64)now.tv_nsec / 1e3;
}

static void measure(const char *name, Exporter *exporter, const ScrapeChoice *choice)
{
    CLEANUP(buf_done) Buf page;
    Err err;
    f64 begin_us = 0;
    buf_init(&page, PAGE_MAX);
    for (int i = -WARM; i < SCRAPES; i++) {
        if (i == 0) {
            begin_us = cpu_us();
        }
        buf_clear(&page);
        if (!exporter_scrape(exporter, choice, PAGE_TEXT, &page, &err)) {
            (void)fprintf(stderr, "%s\n", err.message);
            exit(EXIT_FAILURE);
        }
    }
    printf("%-16s %8.1f us a scrape, %zu bytes\n", name, (cpu_us() - begin_us) / SCRAPES, page.len);
}

int main(int argc, char **argv)
{
    NodeOpts opts;
    Arena arena;
    Err err;
    Exporter *exporter = NULL;
    char *const no_flags[] = {"node_exporter", NULL};
    arena_init(&arena, OPTIONS_MAX);
    if (opts_parse(&node_options, 1, no_flags, &arena, &opts, NULL, &err) != OPT_RUN ||
        !exporter_open(&opts, &exporter, &err)) {
        (void)fprintf(stderr, "%s\n", err.message);
        return EXIT_FAILURE;
    }
    measure("all", exporter, &(ScrapeChoice){0});
    for (int i = 1; i < argc; i++) { /* collectors to measure alone */
        Str name = str_from(argv[i]);
        measure(argv[i], exporter, &(ScrapeChoice){.collect = &name, .collect_count = 1});
    }
    exporter_close(exporter);
    arena_done(&arena);
    return EXIT_SUCCESS;
}
