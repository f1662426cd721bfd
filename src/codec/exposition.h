/*
 * Exposition: the text formats that metrics are published in (text/plain 0.0.4 and
 * OpenMetrics 1.0), read line by line without copying, for scraping.
 *
 * A page is read once from front to back. For each sample line the reader gives the *series text*
 * (the bytes of name and labels, as they stand) apart from the value, so that a scraper that saw
 * the same text before needs to look no further; exposition_labels takes it apart only when it is
 * new. So the reader finds where the series text ends and checks all else on the line; what is
 * wrong inside it, exposition_labels finds, and the caller fails the page then, too.
 *
 * It takes what Prometheus takes, and a little more: blanks and a missing comma between labels in
 * OpenMetrics. codec/openmetrics_check.h is the strict judge of such a page.
 *
 * Layer: codec; knows bytes, not series. Memory: borrows the page. Thread: one reader, one thread.
 * Source: Prometheus exposition formats page; OpenMetrics 1.0.0 specification.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

typedef enum ExpositionFormat { EXPOSITION_TEXT, EXPOSITION_OPENMETRICS } ExpositionFormat;

typedef enum ExpositionEntry {
    EXPOSITION_END,     /* the page is read */
    EXPOSITION_BAD,     /* err says what and where */
    EXPOSITION_SAMPLE,  /* series_text, value, has_timestamp, t_ms; exemplar text in OpenMetrics */
    EXPOSITION_HELP,    /* family, text (escaped as written) */
    EXPOSITION_TYPE,    /* family, text ("counter", …) */
    EXPOSITION_UNIT,    /* family, text */
    EXPOSITION_COMMENT, /* text: the line from '#' on */
} ExpositionEntry;

typedef struct ExpositionReader {
    ExpositionFormat format;
    const char *begin;
    const char *at;
    const char *end;
    const char *line_begin;
    u64 line;      /* of the current entry, from 1 */
    u64 next_line; /* where the one behind it begins */
    bool saw_eof;  /* OpenMetrics "# EOF" */
    /*
     * The caller's guess of the next series text, or empty: what stood on this line of the previous
     * page. When it is right, as_expected is true and nothing was searched. Who has made sure of
     * the bytes otherwise (by their hash) points it at the line itself, which costs no comparison.
     */
    Str expected_series;
    /* the current entry */
    bool as_expected;
    Str series_text; /* name{a="b"} as written, without trailing blanks */
    f64 value;
    bool has_timestamp;
    i64 t_ms;
    Str family; /* as written, without quotes */
    Str text;
    Str exemplar_text; /* behind '#', or empty */
} ExpositionReader;

enum {
    EXPOSITION_SLACK = 64, /* readable bytes that must follow the page (a fetch buffer has them) */
};

void exposition_init(ExpositionReader *reader, ExpositionFormat format, Str page);

/*
 * The next entry. After EXPOSITION_BAD the page is lost: do not go on.
 * Errors  ERR_INVALID with line and column
 * Cost    20 … 40 ns for a sample of 100 bytes
 */
ExpositionEntry exposition_next(ExpositionReader *reader, Err *err);

typedef struct ExpositionLabel {
    Str name;
    Str value; /* unescaped */
} ExpositionLabel;

/*
 * Takes a series text apart: `__name__` first, then the labels in the order written.
 * Unescaped values go into the arena, others borrow the text. Also takes {"quoted.name", a="b"}.
 * A name may stand twice: who sorts the labels sees it.
 * Errors  ERR_INVALID with the byte position in the text; ERR_LIMIT from the arena
 */
bool exposition_labels(Str series_text, Arena *arena, ExpositionLabel **ret, size_t *ret_count,
                       Err *err) MUST_USE;

/* HELP text with \\ and \n (and \" in OpenMetrics) undone. */
bool exposition_unescape_help(Str text, ExpositionFormat format, Arena *arena, Str *ret,
                              Err *err) MUST_USE;

/* `# {trace_id="abc"} 1.5 1234.5`: OpenMetrics. The reader has checked it already. */
bool exposition_exemplar(Str exemplar_text, Arena *arena, ExpositionLabel **ret_labels,
                         size_t *ret_count, f64 *ret_value, bool *ret_has_t, i64 *ret_t_ms,
                         Err *err) MUST_USE;
