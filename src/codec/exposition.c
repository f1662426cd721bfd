/*
 * Exposition: see exposition.h. The quick way through a sample line is three steps (series text by
 * exposition_scan.h, number, line end); whatever it does not recognise goes the careful way, which
 * alone knows the whole grammar and its errors.
 *
 * Layer: codec. Memory: borrows the page. Thread: one reader, one thread.
 */
#include "codec/exposition.h"

#include "base/utf8.h"
#include "codec/exposition_scan.h"
#include "codec/exposition_text.h"
#include "codec/number.h"

#include <string.h>

static const Str types_text[] = {STR_INIT("counter"), STR_INIT("gauge"), STR_INIT("histogram"),
                                 STR_INIT("summary"), STR_INIT("untyped")};
static const Str types_openmetrics[] = {
    STR_INIT("counter"), STR_INIT("gauge"), STR_INIT("histogram"), STR_INIT("gaugehistogram"),
    STR_INIT("summary"), STR_INIT("info"),  STR_INIT("stateset"),  STR_INIT("unknown"),
};

void exposition_init(ExpositionReader *reader, ExpositionFormat format, Str page)
{
    *reader = (ExpositionReader){
        .format = format,
        .begin = page.ptr,
        .at = page.ptr,
        .end = page.ptr + page.len,
        .line_begin = page.ptr,
        .next_line = 1,
    };
}

static ExpositionEntry bad(const ExpositionReader *reader, const char *at, Err *err,
                           const char *what)
{
    (void)err_set_line(err, ERR_INVALID, (u32)reader->line, (u32)(at - reader->line_begin + 1),
                       "%s", what);
    if (err) {
        err->pos = (size_t)(at - reader->begin);
    }
    return EXPOSITION_BAD;
}

static bool is_open(const ExpositionReader *reader)
{
    return reader->format == EXPOSITION_OPENMETRICS;
}

static const char *line_end(const char *at, const char *end)
{
    const char *found = memchr(at, '\n', (size_t)(end - at));
    return found ? found : end;
}

/* A blank-separated part of a sample line. OpenMetrics: exactly one space before it. */
static const char *take_token(const ExpositionReader *reader, const char *at, Str *ret)
{
    if (is_open(reader)) {
        at += at < reader->end && *at == ' ';
    } else {
        at = exposition_skip_blanks(at, reader->end);
    }
    const char *begin = at;
    while (at < reader->end && *at != '\n' && *at != ' ' && (is_open(reader) || *at != '\t')) {
        at++;
    }
    *ret = str_range(begin, at);
    return at;
}

static bool parse_timestamp(const ExpositionReader *reader, Str token, i64 *ret_ms)
{
    if (is_open(reader)) {
        return exposition_parse_seconds(token, ret_ms);
    }
    return exposition_is_digit(token.ptr[0]) && str_to_i64(token, ret_ms);
}

/* The end of a sample line, at a line end or at the page's. */
static ExpositionEntry end_sample(ExpositionReader *reader, const char *at)
{
    reader->at = at + (at < reader->end);
    return EXPOSITION_SAMPLE;
}

static ExpositionEntry read_exemplar(ExpositionReader *reader, const char *at, Err *err)
{
    ExpositionLabel *labels;
    size_t count;
    f64 value;
    bool has_t;
    i64 t_ms;
    Err cause;
    const char *end = line_end(at, reader->end);
    Str text = str_range(at, end);
    if (!exposition_exemplar(text, NULL, &labels, &count, &value, &has_t, &t_ms, &cause)) {
        return bad(reader, at + cause.pos, err, cause.message);
    }
    reader->exemplar_text = text;
    return end_sample(reader, end);
}

/* What stands behind a value, where it is not the line end: a timestamp, an exemplar, blanks. */
static ExpositionEntry read_behind_value(ExpositionReader *reader, const char *at, Err *err)
{
    Str token;
    const char *behind = take_token(reader, at, &token);
    if (token.len > 0 && token.ptr[0] != '#') {
        if (!parse_timestamp(reader, token, &reader->t_ms)) {
            return bad(reader, token.ptr, err, "expected a timestamp");
        }
        reader->has_timestamp = true;
        at = behind;
        behind = take_token(reader, at, &token);
    }
    if (is_open(reader) && token.len > 0 && token.ptr[0] == '#') {
        return read_exemplar(reader, token.ptr, err);
    }
    if (token.len > 0 || (is_open(reader) && behind > at)) {
        return bad(reader, token.ptr, err, "expected the end of the line");
    }
    return end_sample(reader, behind);
}

static ExpositionEntry read_value(ExpositionReader *reader, const char *at, Err *err)
{
    Str token;
    if (is_open(reader) && (at == reader->end || *at != ' ')) {
        return bad(reader, at, err, "expected one space and a value");
    }
    const char *behind = take_token(reader, at, &token);
    if (token.len == 0) {
        return bad(reader, token.ptr, err, "expected a value");
    }
    if (!exposition_parse_value(token, &reader->value)) {
        return bad(reader, token.ptr, err, "the value is not a number");
    }
    if (behind == reader->end || *behind == '\n') {
        return end_sample(reader, behind);
    }
    return read_behind_value(reader, behind, err);
}

/* Behind the brace that closes the labels, or NULL with the error set. `at` is behind the open one.
 * The text format allows line ends in quotes. */
static const char *skip_labels_carefully(ExpositionReader *reader, const char *at, Err *err)
{
    const char *end = reader->end;
    while (at < end && *at != '}' && *at != '\n') {
        const char *quoted = *at == '"' ? exposition_skip_quoted(at, end) : at + 1;
        if (!quoted) {
            (void)bad(reader, at, err, "the quote is not closed");
            return NULL;
        }
        for (; at < quoted; at++) {
            reader->next_line += *at == '\n';
            if (*at == '\n' && is_open(reader)) {
                (void)bad(reader, at, err, "a line ends inside a label value");
                return NULL;
            }
        }
    }
    if (at == end || *at == '\n') {
        (void)bad(reader, at, err, "the labels do not end in a closing brace");
        return NULL;
    }
    return at + 1;
}

/* The careful way: name, labels with escapes and (in the text format) line ends, value. */
static ExpositionEntry read_sample_carefully(ExpositionReader *reader, Err *err)
{
    const char *begin = reader->at;
    const char *end = reader->end;
    const char *behind = exposition_skip_metric_name(begin, end);
    const char *brace = is_open(reader) ? behind : exposition_skip_blanks(behind, end);
    if (brace < end && *brace == '{') {
        behind = skip_labels_carefully(reader, brace + 1, err);
        if (!behind) {
            return EXPOSITION_BAD;
        }
    } else if (behind == begin) {
        return bad(reader, begin, err, "expected a metric name");
    } else if (behind < end && (u8)*behind > ' ') {
        return bad(reader, behind, err, "not part of a metric name");
    }
    reader->series_text = str_range(begin, behind);
    return read_value(reader, behind, err);
}

static bool is_expected(const ExpositionReader *reader)
{
    Str expected = reader->expected_series;
    return expected.len > 0 && (size_t)(reader->end - reader->at) > expected.len &&
           reader->at[expected.len] == ' ' &&
           (expected.ptr == reader->at || memcmp(reader->at, expected.ptr, expected.len) == 0);
}

static ExpositionEntry read_sample(ExpositionReader *reader, Err *err)
{
    const char *begin = reader->at;
    const char *end = reader->end;
    reader->has_timestamp = false;
    reader->exemplar_text = (Str){0};
    reader->as_expected = is_expected(reader);
    const char *behind =
        reader->as_expected ? begin + reader->expected_series.len : skip_series(begin, end);
    if (behind && behind < end && *behind == ' ') {
        const char *at = behind + 1;
        size_t len = f64_parse_prefix(str_range(at, end), &reader->value);
        at += len;
        if (LIKELY(len > 0 && (at == end || *at == '\n'))) {
            reader->series_text = str_range(begin, behind);
            return end_sample(reader, at);
        }
        if (len > 0 && *at == ' ') {
            reader->series_text = str_range(begin, behind);
            return read_behind_value(reader, at, err);
        }
        if (len == 0 && at < end && (u8)*at > ' ' && *at != '{') { /* NaN, +Inf, many digits */
            reader->series_text = str_range(begin, behind);
            return read_value(reader, behind, err);
        }
    }
    reader->as_expected = false;
    return read_sample_carefully(reader, err);
}

/* The family name behind a keyword, quoted or not; NULL when there is none. */
static const char *read_family(ExpositionReader *reader, const char *at)
{
    const char *end = reader->end;
    if (at < end && *at == '"') {
        const char *behind = exposition_skip_quoted(at, line_end(at, end));
        reader->family = behind ? str_range(at + 1, behind - 1) : (Str){0};
        return behind;
    }
    const char *behind = exposition_skip_metric_name(at, end);
    reader->family = str_range(at, behind);
    return behind > at ? behind : NULL;
}

static bool is_one_of(Str text, const Str *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(text, list[i])) {
            return true;
        }
    }
    return false;
}

static bool is_type(const ExpositionReader *reader, Str text)
{
    return is_open(reader) ? is_one_of(text, types_openmetrics, COUNT_OF(types_openmetrics))
                           : is_one_of(text, types_text, COUNT_OF(types_text));
}

/* The unit must be the last word of the family's name. */
static bool is_unit_of(Str unit, Str family)
{
    return unit.len == 0 || (family.len > unit.len && str_ends_with(family, unit) &&
                             family.ptr[family.len - unit.len - 1] == '_');
}

/* Behind "# HELP ", "# TYPE " or "# UNIT ". */
static ExpositionEntry read_metadata(ExpositionReader *reader, ExpositionEntry entry,
                                     const char *at, Err *err)
{
    const char *name = at;
    at = read_family(reader, at);
    if (!at) {
        return bad(reader, name, err, "expected a metric name");
    }
    const char *end = line_end(at, reader->end);
    if (is_open(reader) && (at == end || *at != ' ')) {
        return bad(reader, at, err, "expected one space and a text");
    }
    if (is_open(reader) && end == reader->end) {
        return bad(reader, end, err, "the page does not end in \"# EOF\"");
    }
    at += at < end;
    reader->text =
        str_range(!is_open(reader) && exposition_skip_blanks(at, end) == end ? end : at, end);
    if (entry == EXPOSITION_TYPE && !is_type(reader, reader->text)) {
        return bad(reader, at, err, "not a metric type");
    }
    if (entry == EXPOSITION_HELP && !utf8_valid(reader->text)) {
        return bad(reader, at, err, "the help text is not valid UTF-8");
    }
    if (entry == EXPOSITION_UNIT && !is_unit_of(reader->text, reader->family)) {
        return bad(reader, at, err, "the unit is not the last word of the metric's name");
    }
    reader->at = end + (end < reader->end);
    return entry;
}

static const struct {
    Str word;
    ExpositionEntry entry;
} keywords[] = {
    {STR_INIT("HELP"), EXPOSITION_HELP},
    {STR_INIT("TYPE"), EXPOSITION_TYPE},
    {STR_INIT("UNIT"), EXPOSITION_UNIT}, /* OpenMetrics only */
};

static ExpositionEntry read_eof(ExpositionReader *reader, const char *at, Err *err)
{
    at += at < reader->end && *at == '\n';
    if (at != reader->end) {
        return bad(reader, at, err, "something stands behind \"# EOF\"");
    }
    reader->saw_eof = true;
    reader->at = at;
    return EXPOSITION_END;
}

/* A line that begins with '#'. */
static ExpositionEntry read_hash(ExpositionReader *reader, Err *err)
{
    bool open = is_open(reader);
    const char *end = line_end(reader->at, reader->end);
    const char *at = reader->at + 1;
    const char *word = open ? at + (at < end && *at == ' ') : exposition_skip_blanks(at, end);
    Str rest = word > at ? str_range(word, end) : STR_EMPTY;
    for (size_t i = 0; i < COUNT_OF(keywords) - !open; i++) {
        size_t len = keywords[i].word.len;
        if (rest.len > len && str_starts_with(rest, keywords[i].word) &&
            (open ? rest.ptr[len] == ' ' : exposition_is_blank(rest.ptr[len]))) {
            const char *name = rest.ptr + len + 1;
            return read_metadata(reader, keywords[i].entry,
                                 open ? name : exposition_skip_blanks(name, end), err);
        }
    }
    if (open) {
        return str_eq(rest, S("EOF")) ? read_eof(reader, end, err)
                                      : bad(reader, word, err, "expected HELP, TYPE, UNIT or EOF");
    }
    reader->text = str_range(reader->at, end);
    reader->at = end + (end < reader->end);
    return EXPOSITION_COMMENT;
}

ExpositionEntry exposition_next(ExpositionReader *reader, Err *err)
{
    while (reader->at < reader->end) {
        reader->line_begin = reader->at;
        reader->line = reader->next_line++;
        if (UNLIKELY(!is_open(reader) && exposition_is_blank(*reader->at))) {
            reader->at = exposition_skip_blanks(reader->at, reader->end);
        }
        if (reader->at < reader->end && *reader->at == '#') {
            return read_hash(reader, err);
        }
        if (is_open(reader) || (reader->at < reader->end && *reader->at != '\n')) {
            return read_sample(reader, err);
        }
        reader->at += reader->at < reader->end; /* an empty line, which only the text format has */
    }
    if (is_open(reader) && !reader->saw_eof) {
        if (reader->line == 0 || reader->end[-1] == '\n') {
            reader->line = reader->next_line;
            reader->line_begin = reader->end;
        }
        return bad(reader, reader->at, err, "the page does not end in \"# EOF\"");
    }
    return EXPOSITION_END;
}
