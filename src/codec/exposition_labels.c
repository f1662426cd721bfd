/*
 * Exposition labels: series texts and exemplars taken apart; see exposition.h.
 *
 * Layer: codec. Memory: borrows the text; unescaped values lie in the caller's arena. Thread: any.
 */
#include "base/utf8.h"
#include "codec/exposition.h"
#include "codec/exposition_text.h"
#include "codec/number.h"

const char *exposition_skip_metric_name(const char *at, const char *end)
{
    if (at < end && (exposition_is_letter(*at) || *at == ':')) {
        do {
            at++;
        } while (at < end && (exposition_is_letter(*at) || exposition_is_digit(*at) || *at == ':'));
    }
    return at;
}

const char *exposition_skip_label_name(const char *at, const char *end)
{
    if (at < end && exposition_is_letter(*at)) {
        do {
            at++;
        } while (at < end && (exposition_is_letter(*at) || exposition_is_digit(*at)));
    }
    return at;
}

const char *exposition_skip_quoted(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at == '"') {
            return at + 1;
        }
        if (*at == '\\') {
            at++;
        }
    }
    return NULL;
}

bool exposition_parse_value(Str token, f64 *ret)
{
    for (size_t i = 0; i < token.len; i++) {
        if ((token.ptr[i] | 0x20) == 'p' || token.ptr[i] == '_') {
            return false;
        }
    }
    return f64_parse(token, ret);
}

static i64 seconds_to_ms(f64 seconds)
{
    f64 t_ms = seconds * 1000;
    if (t_ms >= 0x1p63) {
        return INT64_MAX;
    }
    return t_ms <= -0x1p63 ? INT64_MIN : (i64)t_ms;
}

bool exposition_parse_seconds(Str token, i64 *ret_ms)
{
    f64 seconds;
    if (!exposition_parse_value(token, &seconds) || !__builtin_isfinite(seconds)) {
        return false;
    }
    *ret_ms = seconds_to_ms(seconds);
    return true;
}

/* Where labels are taken apart: a series text or an exemplar. */
typedef struct LabelCursor {
    const char *begin;
    const char *at;
    const char *end;
    Arena *arena; /* NULL: check only */
    Err *err;
} LabelCursor;

static bool fail(const LabelCursor *cursor, const char *what)
{
    (void)err_set_pos(cursor->err, ERR_INVALID, (size_t)(cursor->at - cursor->begin), "%s", what);
    return false;
}

static bool take(LabelCursor *cursor, char wanted)
{
    cursor->at = exposition_skip_blanks(cursor->at, cursor->end);
    if (cursor->at == cursor->end || *cursor->at != wanted) {
        return false;
    }
    cursor->at++;
    return true;
}

/* \\ and \n undone, and \" when asked for; any other backslash stands for itself. */
static bool unescape(Str raw, bool with_quote, Arena *arena, Str *ret, Err *err)
{
    if (!arena || str_find_byte(raw, '\\') == STR_NOT_FOUND) {
        *ret = raw;
        return true;
    }
    char *text = arena_alloc(arena, raw.len, 1);
    if (!text) {
        return arena_full(arena, err);
    }
    char *to = text;
    for (size_t i = 0; i < raw.len; i++) {
        char next = raw.ptr[i] == '\\' && i + 1 < raw.len ? raw.ptr[i + 1] : '\0';
        if (next == '\\' || (next == '"' && with_quote)) {
            *to++ = next;
            i++;
        } else if (next == 'n') {
            *to++ = '\n';
            i++;
        } else {
            *to++ = raw.ptr[i];
        }
    }
    *ret = str_range(text, to);
    return true;
}

static bool take_quoted(LabelCursor *cursor, Str *ret)
{
    const char *behind = exposition_skip_quoted(cursor->at, cursor->end);
    if (!behind) {
        return fail(cursor, "the quote is not closed");
    }
    Str raw = str_range(cursor->at + 1, behind - 1);
    if (!utf8_valid(raw)) {
        return fail(cursor, "not valid UTF-8");
    }
    if (!unescape(raw, true, cursor->arena, ret, cursor->err)) {
        return false;
    }
    cursor->at = behind;
    return true;
}

/* A label's name, or the metric's own name in quotes. */
static bool take_name(LabelCursor *cursor, Str *ret, bool *ret_quoted)
{
    *ret_quoted = cursor->at < cursor->end && *cursor->at == '"';
    if (*ret_quoted) {
        return take_quoted(cursor, ret) && (ret->len > 0 || fail(cursor, "the name is empty"));
    }
    const char *behind = exposition_skip_label_name(cursor->at, cursor->end);
    if (behind == cursor->at) {
        return fail(cursor, "expected a label name");
    }
    *ret = str_range(cursor->at, behind);
    cursor->at = behind;
    return true;
}

/*
 * Behind the opening brace: labels up to and with the closing one. A quoted string without a value
 * is the metric's name, which may stand here when *ret_metric is empty.
 */
static bool take_labels(LabelCursor *cursor, ExpositionLabel *labels, size_t *ret_count,
                        Str *ret_metric)
{
    size_t count = 0;
    while (!take(cursor, '}')) {
        Str name;
        Str value;
        bool quoted;
        if (!take_name(cursor, &name, &quoted)) {
            return false;
        }
        if (!take(cursor, '=')) {
            bool is_metric =
                quoted && cursor->at < cursor->end && (*cursor->at == ',' || *cursor->at == '}');
            if (!is_metric) {
                return fail(cursor, "expected '='");
            }
            if (!ret_metric || ret_metric->len > 0) {
                return fail(cursor, "a metric name has no place here");
            }
            *ret_metric = name;
            (void)take(cursor, ',');
            continue;
        }
        cursor->at = exposition_skip_blanks(cursor->at, cursor->end);
        if (cursor->at == cursor->end || *cursor->at != '"') {
            return fail(cursor, "expected a label value in quotes");
        }
        if (!take_quoted(cursor, &value)) {
            return false;
        }
        if (labels) {
            labels[count] = (ExpositionLabel){.name = name, .value = value};
        }
        count++;
        (void)take(cursor, ',');
    }
    *ret_count = count;
    return true;
}

/* Room for the labels of a text: no more than it has pairs of quotes, and one for the name. */
static ExpositionLabel *new_labels(Arena *arena, Str text)
{
    size_t quotes = 0;
    for (size_t i = 0; i < text.len; i++) {
        quotes += text.ptr[i] == '"';
    }
    return ARENA_NEW(arena, ExpositionLabel, quotes / 2 + 1);
}

bool exposition_labels(Str series_text, Arena *arena, ExpositionLabel **ret, size_t *ret_count,
                       Err *err)
{
    LabelCursor cursor = {
        .begin = series_text.ptr,
        .at = series_text.ptr,
        .end = series_text.ptr + series_text.len,
        .arena = arena,
        .err = err,
    };
    ExpositionLabel *labels = new_labels(arena, series_text);
    if (!labels) {
        return arena_full(arena, err);
    }
    cursor.at = exposition_skip_metric_name(cursor.at, cursor.end);
    Str metric = str_range(cursor.begin, cursor.at);
    size_t count = 0;
    if (take(&cursor, '{') && !take_labels(&cursor, labels + 1, &count, &metric)) {
        return false;
    }
    if (metric.len == 0) {
        return fail(&cursor, "the metric has no name");
    }
    if (cursor.at != cursor.end) {
        return fail(&cursor, "not part of a metric name");
    }
    labels[0] = (ExpositionLabel){.name = S("__name__"), .value = metric};
    *ret = labels;
    *ret_count = count + 1;
    return true;
}

bool exposition_unescape_help(Str text, ExpositionFormat format, Arena *arena, Str *ret, Err *err)
{
    return unescape(text, format == EXPOSITION_OPENMETRICS, arena, ret, err);
}

/* One space and what follows it up to the next; nothing at the end. */
static bool take_exemplar_part(LabelCursor *cursor, Str *ret)
{
    if (cursor->at == cursor->end) {
        *ret = STR_EMPTY;
        return true;
    }
    if (*cursor->at != ' ') {
        return fail(cursor, "expected one space");
    }
    const char *begin = ++cursor->at;
    while (cursor->at < cursor->end && *cursor->at != ' ') {
        cursor->at++;
    }
    *ret = str_range(begin, cursor->at);
    return ret->len > 0 || fail(cursor, "expected a number behind the space");
}

bool exposition_exemplar(Str exemplar_text, Arena *arena, ExpositionLabel **ret_labels,
                         size_t *ret_count, f64 *ret_value, bool *ret_has_t, i64 *ret_t_ms,
                         Err *err)
{
    LabelCursor cursor = {
        .begin = exemplar_text.ptr,
        .at = exemplar_text.ptr,
        .end = exemplar_text.ptr + exemplar_text.len,
        .arena = arena,
        .err = err,
    };
    ExpositionLabel *labels = arena ? new_labels(arena, exemplar_text) : NULL;
    if (arena && !labels) {
        return arena_full(arena, err);
    }
    if (!str_starts_with(exemplar_text, S("# {"))) {
        return fail(&cursor, "expected an exemplar: # {labels} value");
    }
    cursor.at += 3;
    size_t count;
    Str value_text = STR_EMPTY;
    Str time_text = STR_EMPTY;
    f64 value;
    i64 t_ms = 0;
    if (!take_labels(&cursor, labels, &count, NULL) || !take_exemplar_part(&cursor, &value_text)) {
        return false;
    }
    if (!exposition_parse_value(value_text, &value)) {
        return fail(&cursor, "the exemplar has no value");
    }
    if (!take_exemplar_part(&cursor, &time_text)) {
        return false;
    }
    if (time_text.len > 0 && !exposition_parse_seconds(time_text, &t_ms)) {
        return fail(&cursor, "the exemplar's timestamp is not a number");
    }
    if (cursor.at != cursor.end) {
        return fail(&cursor, "expected the end of the line");
    }
    *ret_labels = labels;
    *ret_count = count;
    *ret_value = value;
    *ret_has_t = time_text.len > 0;
    *ret_t_ms = t_ms;
    return true;
}
