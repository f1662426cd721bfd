/*
 * Log: see log.h. A line is put together in a buffer of its own and leaves in one write under one
 * lock, so lines of several threads never mix.
 *
 * Layer: base. Memory: one buffer a line. Thread: any.
 */
#include "base/log.h"

#include "base/quote.h"
#include "base/time.h"
#include "base/utf8.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    VALUE_MAX = 16 * 1024,  /* bytes of one value; more is cut and ends in "…" */
    LINE_MAX = 128 * 1024,  /* bytes; fields that do not fit are left out and the line says so */
    ESCAPED_MAX = 6,        /* bytes that one byte of a value can grow to */
    SOURCE_MAX = 128,       /* bytes of "file.c:88" */
    F64_DIGITS_MAX = 17,    /* enough for every f64 to read back the same */
    F64_TEXT_MAX = 64,      /* bytes */
    DURATION_TEXT_MAX = 64, /* bytes; "-2562047h47m16.854775808s" is the longest */
};

static atomic_int min_level = LOG_INFO;
static atomic_int line_format = LOG_LOGFMT;

static pthread_mutex_t output_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*output_write)(void *self, Str line); /* under output_lock; NULL: standard error */
static void *output_self;                          /* under output_lock */

static const Str level_names[] = {STR_INIT("DEBUG"), STR_INIT("INFO"), STR_INIT("WARN"),
                                  STR_INIT("ERROR")};

void log_set_level(LogLevel level)
{
    atomic_store_explicit(&min_level, (int)level, memory_order_relaxed);
}

void log_set_format(LogFormat format)
{
    atomic_store_explicit(&line_format, (int)format, memory_order_relaxed);
}

bool log_enabled(LogLevel level)
{
    return (int)level >= atomic_load_explicit(&min_level, memory_order_relaxed);
}

bool log_level_parse(Str s, LogLevel *ret)
{
    for (size_t i = 0; i < COUNT_OF(level_names); i++) {
        if (str_eq_ignore_case(s, level_names[i])) {
            *ret = (LogLevel)i;
            return true;
        }
    }
    return false;
}

bool log_format_parse(Str s, LogFormat *ret)
{
    bool json = str_eq(s, S("json"));
    if (!json && !str_eq(s, S("logfmt"))) {
        return false;
    }
    *ret = json ? LOG_JSON : LOG_LOGFMT;
    return true;
}

void log_set_writer(void (*write)(void *self, Str line), void *self)
{
    (void)pthread_mutex_lock(&output_lock);
    output_write = write;
    output_self = self;
    (void)pthread_mutex_unlock(&output_lock);
}

/* A line that standard error does not take is lost: there is nowhere left to say so. */
static void write_standard_error(Str line)
{
    while (line.len > 0) {
        ssize_t written = write(STDERR_FILENO, line.ptr, line.len);
        if (written < 0 && errno != EINTR) {
            return;
        }
        line = str_skip(line, written > 0 ? (size_t)written : 0);
    }
}

/* What Go's slog quotes: the empty, spaces, '=', '"', controls, unprintable runes, bad bytes. */
static bool needs_quotes(Str value)
{
    if (value.len == 0) {
        return true;
    }
    for (size_t at = 0; at < value.len;) {
        u32 rune;
        at += utf8_decode(str_skip(value, at), &rune);
        if (rune <= ' ' || rune == '=' || rune == '"' || rune == RUNE_INVALID ||
            (rune > 0x7F && !rune_is_printable(rune))) {
            return true;
        }
    }
    return false;
}

void log_put_logfmt_value(Buf *out, Str value)
{
    if (needs_quotes(value)) {
        quote_go(out, value);
    } else {
        buf_str(out, value);
    }
}

static void put_text(Buf *out, LogFormat format, Str text)
{
    char cut[VALUE_MAX + sizeof("…")];
    if (text.len > VALUE_MAX) {
        size_t len = VALUE_MAX;
        while (((u8)text.ptr[len] & 0xC0) == 0x80 && len > VALUE_MAX - UTF8_MAX) {
            len--; /* not in the middle of a rune */
        }
        memcpy(cut, text.ptr, len);
        memcpy(cut + len, "…", sizeof("…"));
        text = (Str){.ptr = cut, .len = len + sizeof("…") - 1};
    }
    if (format == LOG_JSON) {
        quote_json(out, text);
    } else {
        log_put_logfmt_value(out, text);
    }
}

/*
 * The fewest digits that read back the same, with an exponent below 10^low and from 10^high on. The
 * codec layer has the fast way; here it need not be fast. The number is finite.
 */
static Str format_f64(f64 number, i64 low, i64 high, char to[F64_TEXT_MAX])
{
    int digits = 1;
    int len = 0;
    for (; digits <= F64_DIGITS_MAX; digits++) {
        f64 back;
        len = snprintf(to, F64_TEXT_MAX, "%.*e", digits - 1, number);
        if (sscanf(to, "%lf", &back) == 1 && memcmp(&back, &number, sizeof(back)) == 0) {
            break;
        }
    }
    const char *exponent = memchr(to, 'e', (size_t)len);
    i64 power = 0;
    if (exponent && str_to_i64(str_from(exponent + 1), &power) && power >= low && power < high) {
        i64 decimals = MAX(digits - 1 - power, (i64)0);
        len = snprintf(to, F64_TEXT_MAX, "%.*f", (int)decimals, number);
    }
    return (Str){.ptr = to, .len = (size_t)len};
}

static void put_f64(Buf *out, LogFormat format, f64 number)
{
    char text[F64_TEXT_MAX];
    if (isnan(number)) {
        put_text(out, format, S("NaN"));
    } else if (isinf(number)) {
        put_text(out, format, number > 0 ? S("+Inf") : S("-Inf"));
    } else if (format == LOG_JSON) {
        buf_str(out, format_f64(number, -6, 21, text));
    } else {
        buf_str(out, format_f64(number, -4, 6, text));
    }
}

static void put_duration(Buf *out, LogFormat format, i64 ns)
{
    Buf text;
    buf_init(&text, DURATION_TEXT_MAX);
    duration_format_go(&text, ns);
    put_text(out, format, buf_view(&text));
    buf_done(&text);
}

static void put_value(Buf *out, LogFormat format, const LogField *field)
{
    switch (field->kind) {
    case LOG_FIELD_STR:
        put_text(out, format, field->str);
        break;
    case LOG_FIELD_I64:
        buf_i64(out, field->i64);
        break;
    case LOG_FIELD_F64:
        put_f64(out, format, field->f64);
        break;
    case LOG_FIELD_BOOL:
        buf_str(out, field->i64 ? S("true") : S("false"));
        break;
    case LOG_FIELD_DURATION:
        put_duration(out, format, field->i64);
        break;
    }
}

static void put_key(Buf *out, LogFormat format, const char *key)
{
    if (format == LOG_JSON) {
        buf_byte(out, ',');
        quote_json(out, str_from(key));
        buf_byte(out, ':');
    } else {
        buf_byte(out, ' ');
        log_put_logfmt_value(out, str_from(key));
        buf_byte(out, '=');
    }
}

/* time, level, source, msg: what every line begins with. */
static void put_head(Buf *out, LogFormat format, LogLevel level, Str source)
{
    if (format == LOG_JSON) {
        buf_lit(out, "{\"time\":\"");
        time_format_rfc3339_ns(out, time_now_ns());
        buf_lit(out, "\",\"level\":\"");
        buf_str(out, level_names[level]);
        buf_byte(out, '"');
    } else {
        buf_lit(out, "time=");
        time_format_rfc3339_ms(out, time_now_ms());
        buf_lit(out, " level=");
        buf_str(out, level_names[level]);
    }
    put_key(out, format, "source");
    put_text(out, format, source);
}

static void write_line(Str line)
{
    (void)pthread_mutex_lock(&output_lock);
    if (output_write) {
        output_write(output_self, line);
    } else {
        write_standard_error(line);
    }
    (void)pthread_mutex_unlock(&output_lock);
}

void log_write(LogLevel level, const char *file, int line, Str message, const LogField *fields,
               size_t count)
{
    LogFormat format = (LogFormat)atomic_load_explicit(&line_format, memory_order_relaxed);
    Str path = str_from(file);
    size_t slash = str_find_last_byte(path, '/');
    char source[SOURCE_MAX];
    (void)snprintf(source, sizeof(source), "%s:%d",
                   slash == STR_NOT_FOUND ? file : file + slash + 1, line);

    Buf out;
    buf_init(&out, LINE_MAX + 2 * VALUE_MAX * ESCAPED_MAX);
    put_head(&out, format, level, str_from(source));
    put_key(&out, format, "msg");
    put_text(&out, format, message);
    for (size_t i = 0; i < count; i++) {
        size_t before = out.len;
        put_key(&out, format, fields[i].key);
        put_value(&out, format, &fields[i]);
        if (out.len > LINE_MAX) {
            out.len = before;
            put_key(&out, format, "fields_left_out");
            buf_u64(&out, count - i);
            break;
        }
    }
    buf_str(&out, format == LOG_JSON ? S("}\n") : S("\n"));
    write_line(buf_view(&out));
    buf_done(&out);
}
