/*
 * Fuzzer of codec/exposition.h. The oracle is a twin that reads one byte after another, as the
 * formats are described, and never looks past the page: both must take or refuse the same pages and
 * find the same entries and labels in them. A reader that is told what to expect finds the same.
 *
 * The first byte of an input chooses the format: 'o' is OpenMetrics.
 */
#include "codec/exposition.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "codec/number.h"
#include "codec/openmetrics_check.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum {
    ARENA_MAX = 64 * 1024 * 1024, /* bytes */
    REPORT_MAX = 64 * 1024 * 1024,
    INPUT_MAX = 64 * 1024,
};

/* What a page holds, printed so that two readers can be compared. */

static void print_str(Buf *out, const char *what, Str s)
{
    buf_printf(out, "%s %zu ", what, s.len);
    buf_str(out, s);
    buf_byte(out, '\n');
}

static void print_value(Buf *out, f64 value, bool has_t, i64 t_ms)
{
    u64 bits;
    memcpy(&bits, &value, sizeof(bits));
    buf_printf(out, "value %llx", (unsigned long long)bits);
    if (has_t) {
        buf_printf(out, " at %lld", (long long)t_ms);
    }
    buf_byte(out, '\n');
}

/* The twin. Every function returns false for "this page is bad". */

typedef struct Twin {
    const char *at;
    const char *end;
    bool open; /* OpenMetrics */
    Buf *out;
    char *scratch; /* as large as the page; for unescaped text */
} Twin;

static bool see(const Twin *twin, char c)
{
    return twin->at < twin->end && *twin->at == c;
}

static bool take(Twin *twin, char c)
{
    bool seen = see(twin, c);
    twin->at += seen;
    return seen;
}

static bool at_line_end(const Twin *twin)
{
    return twin->at == twin->end || *twin->at == '\n';
}

static bool see_blank(const Twin *twin)
{
    return see(twin, ' ') || see(twin, '\t');
}

static void blanks(Twin *twin)
{
    while (see_blank(twin)) {
        twin->at++;
    }
}

static bool is_name_byte(char c, bool first, bool colon)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':') ||
           (!first && c >= '0' && c <= '9');
}

static Str name(Twin *twin, bool colon)
{
    const char *begin = twin->at;
    while (twin->at < twin->end && is_name_byte(*twin->at, twin->at == begin, colon)) {
        twin->at++;
    }
    return str_range(begin, twin->at);
}

/* At a quote. Lines may end inside only in samples of the text format. */
static bool quoted(Twin *twin, bool may_span, Str *ret_raw)
{
    const char *begin = ++twin->at;
    while (twin->at < twin->end && *twin->at != '"') {
        if (*twin->at == '\n' && !may_span) {
            return false;
        }
        if (*twin->at++ == '\\' && twin->at < twin->end) {
            if (*twin->at == '\n' && !may_span) {
                return false;
            }
            twin->at++;
        }
    }
    *ret_raw = str_range(begin, twin->at);
    return take(twin, '"');
}

static bool unescaped(Twin *twin, Str raw, Str *ret)
{
    char *to = twin->scratch;
    for (size_t i = 0; i < raw.len; i++) {
        char next = raw.ptr[i] == '\\' && i + 1 < raw.len ? raw.ptr[i + 1] : ' ';
        bool escape = next == '\\' || next == '"' || next == 'n';
        *to++ = !escape ? raw.ptr[i] : next == 'n' ? '\n' : next;
        i += escape;
    }
    *ret = str_range(twin->scratch, to);
    return utf8_valid(raw);
}

/* Behind the opening brace. The metric's name may stand inside while `metric` is empty. */
static bool labels(Twin *twin, Buf *metric, Buf *out)
{
    for (blanks(twin); !take(twin, '}'); blanks(twin)) {
        Str raw;
        Str label;
        Str value;
        bool in_quotes = see(twin, '"');
        if (in_quotes ? !quoted(twin, !twin->open, &raw) : (raw = name(twin, false)).len == 0) {
            return false;
        }
        if (!unescaped(twin, raw, &label) || label.len == 0) {
            return false;
        }
        blanks(twin);
        if (!take(twin, '=')) {
            if (metric->len > 0 || !in_quotes || !(see(twin, ',') || see(twin, '}'))) {
                return false;
            }
            print_str(metric, "metric", label);
        } else {
            print_str(out, "label", label);
            blanks(twin);
            if (!see(twin, '"') || !quoted(twin, !twin->open, &raw) ||
                !unescaped(twin, raw, &value)) {
                return false;
            }
            print_str(out, "=", value);
        }
        blanks(twin);
        (void)take(twin, ',');
    }
    return true;
}

static Str token(Twin *twin)
{
    const char *begin = twin->at;
    while (!at_line_end(twin) && *twin->at != ' ' && (twin->open || *twin->at != '\t')) {
        twin->at++;
    }
    return str_range(begin, twin->at);
}

static bool number(Str text, f64 *ret)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == 'p' || text.ptr[i] == 'P' || text.ptr[i] == '_') {
            return false;
        }
    }
    return text.len > 0 && f64_parse(text, ret);
}

static bool seconds(Str text, i64 *ret_ms)
{
    f64 value;
    if (!number(text, &value) || !__builtin_isfinite(value)) {
        return false;
    }
    value *= 1000;
    *ret_ms = value >= 0x1p63 ? INT64_MAX : value <= -0x1p63 ? INT64_MIN : (i64)value;
    return true;
}

static bool all_digits(Str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return true;
}

static bool exemplar(Twin *twin)
{
    const char *begin = twin->at;
    f64 value;
    i64 t_ms;
    Buf no_metric;
    Buf ignored;
    if (!take(twin, '#') || !take(twin, ' ') || !take(twin, '{')) {
        return false;
    }
    buf_init(&no_metric, REPORT_MAX);
    buf_init(&ignored, REPORT_MAX);
    buf_lit(&no_metric, "none may stand here");
    bool ok = labels(twin, &no_metric, &ignored);
    buf_done(&no_metric);
    buf_done(&ignored);
    if (!ok || !take(twin, ' ') || !number(token(twin), &value) ||
        (take(twin, ' ') && !seconds(token(twin), &t_ms))) {
        return false;
    }
    print_str(twin->out, "exemplar", str_range(begin, twin->at));
    return at_line_end(twin);
}

static bool timestamp(Twin *twin, i64 *ret_ms)
{
    Str text = token(twin);
    return twin->open ? seconds(text, ret_ms)
                      : text.len > 0 && all_digits(text) && str_to_i64(text, ret_ms);
}

/* Behind the series. */
static bool value(Twin *twin)
{
    f64 number_value;
    i64 t_ms = 0;
    bool has_t = false;
    if (twin->open ? !take(twin, ' ') : (blanks(twin), false)) {
        return false;
    }
    if (!number(token(twin), &number_value)) {
        return false;
    }
    bool space = twin->open ? take(twin, ' ') : (blanks(twin), !at_line_end(twin));
    if (space && !(twin->open && see(twin, '#'))) {
        has_t = true;
        if (!timestamp(twin, &t_ms)) {
            return false;
        }
        space = twin->open && take(twin, ' ');
        if (!twin->open) {
            blanks(twin);
        }
    }
    print_value(twin->out, number_value, has_t, t_ms);
    return space ? exemplar(twin) : at_line_end(twin);
}

static bool sample(Twin *twin)
{
    const char *begin = twin->at;
    bool ok = true;
    Buf metric;
    Buf inside;
    buf_init(&metric, REPORT_MAX);
    buf_init(&inside, REPORT_MAX);
    Str plain = name(twin, true);
    if (plain.len > 0) {
        print_str(&metric, "metric", plain);
    }
    const char *end = twin->at;
    bool ends = at_line_end(twin) || see_blank(twin);
    if (!twin->open) {
        blanks(twin);
    }
    if (take(twin, '{')) {
        ok = labels(twin, &metric, &inside);
        end = twin->at;
    } else {
        ok = ends;
        twin->at = end;
    }
    ok = ok && metric.len > 0;
    print_str(twin->out, "series", str_range(begin, end));
    buf_str(twin->out, buf_view(&metric));
    buf_str(twin->out, buf_view(&inside));
    buf_done(&metric);
    buf_done(&inside);
    return ok && value(twin);
}

static Str rest_of_line(const Twin *twin)
{
    const char *at = twin->at;
    while (at < twin->end && *at != '\n') {
        at++;
    }
    return str_range(twin->at, at);
}

static bool type_known(bool open, Str type)
{
    const char *all = open
                          ? " counter gauge histogram gaugehistogram summary info stateset unknown "
                          : " counter gauge histogram summary untyped ";
    char padded[32] = " ";
    if (type.len == 0 || type.len > 20 || str_find_byte(type, ' ') != STR_NOT_FOUND) {
        return false;
    }
    memcpy(padded + 1, type.ptr, type.len);
    padded[type.len + 1] = ' ';
    return str_contains(str_from(all), (Str){.ptr = padded, .len = type.len + 2});
}

static bool unit_fits(Str unit, Str family)
{
    char tail[INPUT_MAX + 1] = "_";
    memcpy(tail + 1, unit.ptr, unit.len);
    return unit.len == 0 || str_ends_with(family, (Str){.ptr = tail, .len = unit.len + 1});
}

static bool metadata(Twin *twin, char kind)
{
    Str family;
    if (!twin->open) {
        blanks(twin);
    }
    if (see(twin, '"') ? !quoted(twin, false, &family) : (family = name(twin, true)).len == 0) {
        return false;
    }
    if (twin->open && !see(twin, ' ')) {
        return false;
    }
    twin->at += !at_line_end(twin);
    Str text = rest_of_line(twin);
    twin->at = text.ptr + text.len;
    if (twin->open && twin->at == twin->end) {
        return false;
    }
    Str trimmed = text;
    while (trimmed.len > 0 && (trimmed.ptr[0] == ' ' || trimmed.ptr[0] == '\t')) {
        trimmed = str_skip(trimmed, 1);
    }
    text = trimmed.len == 0 && !twin->open ? trimmed : text;
    buf_byte(twin->out, (u8)kind);
    print_str(twin->out, " family", family);
    print_str(twin->out, "text", text);
    return kind == 'T'   ? type_known(twin->open, text)
           : kind == 'H' ? utf8_valid(text)
                         : unit_fits(text, family);
}

/* At '#'. Sets *ret_eof when OpenMetrics ends here. */
static bool hash(Twin *twin, bool *ret_eof)
{
    Str line = rest_of_line(twin);
    twin->at++;
    const char *word = twin->at;
    if (twin->open) {
        (void)take(twin, ' ');
    } else {
        blanks(twin);
    }
    bool apart = twin->at > word;
    Str rest = rest_of_line(twin);
    char kind = str_starts_with(rest, S("HELP"))                 ? 'H'
                : str_starts_with(rest, S("TYPE"))               ? 'T'
                : twin->open && str_starts_with(rest, S("UNIT")) ? 'U'
                                                                 : 0;
    if (apart && kind && rest.len > 4 &&
        (rest.ptr[4] == ' ' || (!twin->open && rest.ptr[4] == '\t'))) {
        twin->at += 5;
        return metadata(twin, kind);
    }
    if (twin->open) {
        *ret_eof = apart && str_eq(rest, S("EOF"));
        twin->at += rest.len;
        return *ret_eof;
    }
    print_str(twin->out, "comment", line);
    twin->at = line.ptr + line.len;
    return true;
}

static bool twin_page(Str page, bool open, Buf *out, char *scratch)
{
    Twin twin = {
        .at = page.ptr, .end = page.ptr + page.len, .open = open, .out = out, .scratch = scratch};
    bool eof = false;
    while (twin.at < twin.end && !eof) {
        if (!open) {
            blanks(&twin);
        }
        if (!open && at_line_end(&twin)) {
            (void)take(&twin, '\n');
            continue;
        }
        if (see(&twin, '#') ? !hash(&twin, &eof) : !sample(&twin)) {
            return false;
        }
        (void)take(&twin, '\n');
    }
    return twin.at == twin.end && eof == open;
}

/* The reader under test, printed the same way. */

static bool print_sample(const ExpositionReader *reader, Arena *arena, Buf *out)
{
    ExpositionLabel *found;
    size_t count;
    arena_clear(arena);
    if (!exposition_labels(reader->series_text, arena, &found, &count, NULL)) {
        return false;
    }
    print_str(out, "series", reader->series_text);
    print_str(out, "metric", found[0].value);
    for (size_t i = 1; i < count; i++) {
        print_str(out, "label", found[i].name);
        print_str(out, "=", found[i].value);
    }
    print_value(out, reader->value, reader->has_timestamp, reader->t_ms);
    if (reader->exemplar_text.len > 0) {
        print_str(out, "exemplar", reader->exemplar_text);
    }
    return true;
}

static bool print_entry(const ExpositionReader *reader, ExpositionEntry entry, Arena *arena,
                        Buf *out)
{
    static const char kinds[] = {
        [EXPOSITION_HELP] = 'H', [EXPOSITION_TYPE] = 'T', [EXPOSITION_UNIT] = 'U'};
    switch (entry) {
    case EXPOSITION_SAMPLE:
        return print_sample(reader, arena, out);
    case EXPOSITION_COMMENT:
        print_str(out, "comment", reader->text);
        return true;
    case EXPOSITION_HELP:
    case EXPOSITION_TYPE:
    case EXPOSITION_UNIT:
        buf_byte(out, (u8)kinds[entry]);
        print_str(out, " family", reader->family);
        print_str(out, "text", reader->text);
        return true;
    default:
        return false;
    }
}

static bool read_page(Str page, bool open, Str expected, Buf *out, Str *ret_last)
{
    ExpositionReader reader;
    Arena arena;
    Err err = {0};
    bool ok = true;
    arena_init(&arena, ARENA_MAX);
    exposition_init(&reader, open ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT, page);
    while (ok) {
        reader.expected_series = expected;
        ExpositionEntry entry = exposition_next(&reader, &err);
        ASSERT(reader.at >= page.ptr && reader.at <= page.ptr + page.len);
        if (entry == EXPOSITION_END) {
            break;
        }
        ASSERT(entry != EXPOSITION_BAD || (err.line > 0 && err.column > 0 && err.pos <= page.len));
        ok = print_entry(&reader, entry, &arena, out);
        *ret_last = entry == EXPOSITION_SAMPLE ? reader.series_text : *ret_last;
    }
    arena_done(&arena);
    return ok;
}

/* The strict judge refuses what the reader refuses, and says where. */
static void check_strictly(Str page, bool taken)
{
    Arena arena;
    Err err = {0};
    arena_init(&arena, ARENA_MAX);
    if (openmetrics_check(page, &arena, &err)) {
        ASSERT(taken);
    } else {
        ASSERT(err.line > 0 && err.column > 0 && err.message[0] != '\0');
    }
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size == 0 || size > INPUT_MAX) {
        return 0;
    }
    bool open = data[0] == 'o';
    size_t len = size - 1;
    char *bytes = mem_alloc(len + EXPOSITION_SLACK);
    char *scratch = mem_alloc(size);
    memcpy(bytes, data + 1, len);
    memset(bytes + len, "\"}\n 7\\"[size % 6], EXPOSITION_SLACK);
    Str page = {.ptr = bytes, .len = len};

    Buf want;
    Buf got;
    Buf hinted;
    Buf *all[] = {&want, &got, &hinted};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        buf_init(all[i], REPORT_MAX);
    }
    Str last = {0};
    bool taken = read_page(page, open, (Str){0}, &got, &last);
    ASSERT(taken == twin_page(page, open, &want, scratch));
    ASSERT(!taken || str_eq(buf_view(&got), buf_view(&want)));
    ASSERT(read_page(page, open, last, &hinted, &last) == taken);
    ASSERT(str_eq(buf_view(&got), buf_view(&hinted)));
    if (open) {
        check_strictly(page, taken);
    }
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        buf_done(all[i]);
    }
    mem_free(bytes);
    mem_free(scratch);
    return 0;
}
