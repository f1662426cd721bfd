/*
 * Text files: metrics that scripts leave in *.prom files. A file that does not parse, or that holds
 * timestamps, is left out as a whole and reported; the others still count.
 *
 * Layer: role/node_exporter. Memory: the scrape's scratch. Thread: scrapes are serialised.
 */
#include "role/node_exporter/collector.h"

#include "base/log.h"
#include "base/map.h"
#include "codec/exposition.h"
#include "os/dir.h"
#include "os/file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    SPARE_BYTES = 64, /* that the exposition reader wants behind a page */
};

typedef struct TextFamily {
    Str name;
    Str help;
    PageType type;
    bool has_help;
} TextFamily;

static PageType page_type(Str name)
{
    static const struct {
        Str name;
        PageType type;
    } rows[] = {
        {STR_INIT("counter"), PAGE_COUNTER},
        {STR_INIT("gauge"), PAGE_GAUGE},
        {STR_INIT("summary"), PAGE_SUMMARY},
        {STR_INIT("histogram"), PAGE_HISTOGRAM},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_eq(rows[i].name, name)) {
            return rows[i].type;
        }
    }
    return PAGE_UNTYPED;
}

/* Does the sample belong to the family: its own name, or a part of a summary or histogram? */
static bool belongs(const TextFamily *family, Str sample)
{
    static const Str parts[] = {STR_INIT("_sum"), STR_INIT("_count"), STR_INIT("_bucket")};
    if (str_eq(family->name, sample)) {
        return true;
    }
    if (family->type != PAGE_SUMMARY && family->type != PAGE_HISTOGRAM) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (str_ends_with(sample, parts[i]) &&
            str_eq(str_take(sample, sample.len - parts[i].len), family->name)) {
            return true;
        }
    }
    return false;
}

static bool put_sample(Collect *collect, const ExpositionReader *reader, TextFamily *family,
                       const char *path, Err *err)
{
    ExpositionLabel *labels;
    size_t count;
    PageLabel page_labels[PAGE_LABELS_MAX];
    if (!exposition_labels(reader->series_text, collect->arena, &labels, &count, err)) {
        return false;
    }
    if (count == 0 || count > PAGE_LABELS_MAX) {
        return err_set(err, ERR_LIMIT, "more than %d labels", PAGE_LABELS_MAX - 1);
    }
    Str name = labels[0].value;
    if (!belongs(family, name)) {
        *family = (TextFamily){.name = name};
    }
    if (!family->has_help &&
        !arena_printf(collect->arena, &family->help, err, "Metric read from %s", path)) {
        return false;
    }
    for (size_t i = 1; i < count; i++) {
        Str label;
        if (!arena_str(collect->arena, labels[i].name, &label, err)) {
            return false;
        }
        page_labels[i - 1] = (PageLabel){label.ptr, labels[i].value};
    }
    MetricFamily target =
        metric_page_family(collect->page, family->name, family->type, family->help);
    metric_page_put_named(collect->page, target, name, page_labels, count - 1, reader->value);
    return true;
}

/* First without putting anything, so that a bad file leaves no half of itself on the page. */
static bool read_metrics(Collect *collect, Str text, const char *path, bool put, Err *err)
{
    ExpositionReader reader;
    TextFamily family = {0};
    exposition_init(&reader, EXPOSITION_TEXT, text);
    for (;;) {
        switch (exposition_next(&reader, err)) {
        case EXPOSITION_END:
            return true;
        case EXPOSITION_BAD:
            return false;
        case EXPOSITION_HELP:
            if (!str_eq(family.name, reader.family)) {
                family = (TextFamily){.name = reader.family};
            }
            family.has_help = true;
            if (!exposition_unescape_help(reader.text, EXPOSITION_TEXT, collect->arena,
                                          &family.help, err)) {
                return false;
            }
            break;
        case EXPOSITION_TYPE:
            if (!str_eq(family.name, reader.family)) {
                family = (TextFamily){.name = reader.family};
            }
            family.type = page_type(reader.text);
            break;
        case EXPOSITION_SAMPLE:
            if (reader.has_timestamp) {
                return err_set(err, ERR_UNSUPPORTED,
                               "contains unsupported client-side timestamps, skipping entire file");
            }
            if (put && !put_sample(collect, &reader, &family, path, err)) {
                return false;
            }
            break;
        case EXPOSITION_UNIT:
        case EXPOSITION_COMMENT:
            break;
        }
    }
}

/* A copy with room behind it. */
static bool load_text(Collect *collect, const char *path, Str *ret, Err *err)
{
    Str file;
    if (!read_path(collect, path, &file, err)) {
        return false;
    }
    char *copy = arena_alloc(collect->arena, file.len + SPARE_BYTES, 1);
    if (!copy) {
        return arena_full(collect->arena, err);
    }
    memcpy(copy, file.ptr, file.len);
    memset(copy + file.len, 0, SPARE_BYTES);
    *ret = (Str){.ptr = copy, .len = file.len};
    return true;
}

static bool collect_file(Collect *collect, const char *path, Err *err)
{
    Str text;
    struct stat status;
    if (!load_text(collect, path, &text, err) || !read_metrics(collect, text, path, false, err) ||
        !read_metrics(collect, text, path, true, err)) {
        return false;
    }
    if (stat(path, &status) == 0) {
        MetricFamily family =
            metric_page_family(collect->page, S("node_textfile_mtime_seconds"), PAGE_GAUGE,
                               S("Unixtime mtime of textfiles successfully read."));
        metric_page_put(collect->page, family, (PageLabel[]){{"file", str_from(path)}}, 1,
                        (f64)status.st_mtim.tv_sec + (f64)status.st_mtim.tv_nsec / 1e9);
    }
    return true;
}

/* Returns whether anything in the folder failed. */
static bool collect_folder(Collect *collect, const char *folder)
{
    Str *names;
    size_t count;
    Err err = {0};
    bool failed = false;
    if (!dir_list(folder, collect->arena, &names, &count, &err)) {
        log_error("failed to read textfile collector directory", LOG_STR("path", str_from(folder)),
                  LOG_ERR(&err));
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        char path[COLLECT_PATH_MAX];
        if (!str_ends_with(names[i], S(".prom"))) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/" STR_FMT, folder, STR_ARG(names[i]));
        if (!collect_file(collect, path, &err)) {
            log_error("failed to collect textfile data", LOG_STR("file", names[i]), LOG_ERR(&err));
            failed = true;
        }
    }
    return failed;
}

bool collect_textfile(Collect *collect, Err *err)
{
    bool failed = false;
    for (size_t i = 0; i < collect->opts->textfile_directories.count; i++) {
        Str *folders;
        size_t count;
        Str pattern = collect->opts->textfile_directories.at[i];
        if (pattern.len == 0) {
            continue;
        }
        if (!path_glob(pattern.ptr, collect->arena, &folders, &count, err)) {
            return false;
        }
        if (count == 0) { /* no wildcard in it: the folder is missing, which is worth a word */
            failed = collect_folder(collect, pattern.ptr) || failed;
        }
        for (size_t f = 0; f < count; f++) {
            failed = collect_folder(collect, folders[f].ptr) || failed;
        }
    }
    metric_page_single(collect->page, "node_textfile_scrape_error", PAGE_GAUGE,
                       "1 if there was an error opening or reading a file, 0 otherwise", failed);
    return true;
}
