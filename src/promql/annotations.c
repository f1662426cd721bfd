/* Annotations: see annotations.h. Layer: promql. Memory: the arena given. Thread: locked. */
#include "promql/annotations.h"

#include "base/buf.h"
#include "base/quote.h"
#include "base/time.h"
#include "codec/number.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    LINE_MAX = ANNOTATION_TEXT_MAX + 512, /* a text with its place and figures */
};

void annotations_init(Annotations *annotations, Arena *arena)
{
    *annotations = (Annotations){.arena = arena};
    (void)pthread_mutex_init(&annotations->lock, NULL);
}

void annotations_done(Annotations *annotations)
{
    (void)pthread_mutex_destroy(&annotations->lock);
}

static Annotation *find(const Annotations *annotations, Str text)
{
    for (size_t i = 0; i < annotations->count; i++) {
        if (str_eq(annotations->at[i].text, text)) {
            return &annotations->at[i];
        }
    }
    return NULL;
}

/* The annotation with this text, made when it is new; NULL when there is no room. */
static Annotation *find_or_add(Annotations *annotations, AnnotationLevel level, Str text)
{
    Annotation *found = find(annotations, text);
    if (found) {
        return found;
    }
    if (!annotations->at) {
        annotations->at = ARENA_NEW(annotations->arena, Annotation, ANNOTATIONS_MAX);
    }
    Str kept;
    if (!annotations->at || annotations->count == ANNOTATIONS_MAX ||
        !arena_str(annotations->arena, text, &kept, NULL)) {
        annotations->omitted++;
        return NULL;
    }
    Annotation *annotation = &annotations->at[annotations->count++];
    *annotation = (Annotation){.level = level, .text = kept};
    return annotation;
}

PRINTF_LIKE(5, 0)
static void add(Annotations *annotations, AnnotationLevel level, bool counted, u32 pos,
                const char *format, va_list args)
{
    char text[ANNOTATION_TEXT_MAX];
    int prefix = snprintf(text, sizeof(text), "%s",
                          level == ANNOTATION_WARNING ? "PromQL warning: " : "PromQL info: ");
    int len = vsnprintf(text + prefix, sizeof(text) - (size_t)prefix, format, args);
    size_t total = MIN((size_t)(prefix + MAX(len, 0)), sizeof(text) - 1);
    (void)pthread_mutex_lock(&annotations->lock);
    Annotation *annotation = find_or_add(annotations, level, (Str){.ptr = text, .len = total});
    if (annotation) {
        annotation->pos = pos;
        annotation->show_count = counted;
        annotation->count++;
    }
    (void)pthread_mutex_unlock(&annotations->lock);
}

void annotations_warn(Annotations *annotations, u32 pos, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(annotations, ANNOTATION_WARNING, false, pos, format, args);
    va_end(args);
}

void annotations_info(Annotations *annotations, u32 pos, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(annotations, ANNOTATION_INFO, false, pos, format, args);
    va_end(args);
}

void annotations_warn_counted(Annotations *annotations, u32 pos, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(annotations, ANNOTATION_WARNING, true, pos, format, args);
    va_end(args);
}

Str quoted_name(char *to, size_t size, Str name)
{
    Buf quoted;
    buf_init(&quoted, size);
    quote_go(&quoted, name);
    Str view = quoted.overflowed ? S("\"…\"") : buf_view(&quoted);
    memcpy(to, view.ptr, view.len);
    Str result = {.ptr = to, .len = view.len};
    buf_done(&quoted);
    return result;
}

void annotations_repair(Annotations *annotations, u32 pos, Str metric_name,
                        const MonotonicityRepair *repair)
{
    char quoted[QUOTED_NAME_MAX];
    Str name = quoted_name(quoted, sizeof(quoted), metric_name);
    char text[ANNOTATION_TEXT_MAX];
    int len = snprintf(text, sizeof(text),
                       "PromQL info: input to histogram_quantile needed to be fixed for "
                       "monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/"
                       "functions/#histogram_quantile)%s" STR_FMT,
                       metric_name.len ? " for metric name " : "",
                       STR_ARG(metric_name.len ? name : STR_EMPTY));
    size_t total = MIN((size_t)MAX(len, 0), sizeof(text) - 1);
    (void)pthread_mutex_lock(&annotations->lock);
    Annotation *annotation =
        find_or_add(annotations, ANNOTATION_INFO, (Str){.ptr = text, .len = total});
    if (annotation) {
        MonotonicityRepair *all = &annotation->repair;
        if (!annotation->repaired) {
            *all = *repair;
            all->count = 0;
        }
        annotation->pos = pos;
        annotation->repaired = true;
        all->min_t_ms = MIN(all->min_t_ms, repair->min_t_ms);
        all->max_t_ms = MAX(all->max_t_ms, repair->max_t_ms);
        all->min_bound = MIN(all->min_bound, repair->min_bound);
        all->max_bound = MAX(all->max_bound, repair->max_bound);
        all->max_diff = MAX(all->max_diff, repair->max_diff);
        all->count++;
    }
    (void)pthread_mutex_unlock(&annotations->lock);
}

static void put_time(Buf *out, i64 t_ms)
{
    time_format_rfc3339_ns(out, t_ms / MS_PER_SECOND * NS_PER_SECOND);
}

/* Go's %.2g. */
static void put_two_digits(Buf *out, f64 value)
{
    buf_printf(out, "%.2g", value);
}

static void put_repair(Buf *out, const MonotonicityRepair *repair)
{
    buf_lit(out, ", from buckets ");
    buf_f64_g(out, repair->min_bound);
    buf_lit(out, " to ");
    buf_f64_g(out, repair->max_bound);
    buf_lit(out, ", with a max diff of ");
    put_two_digits(out, repair->max_diff);
    buf_printf(out, ", over %" PRIu64 " samples from ", repair->count);
    put_time(out, repair->min_t_ms);
    buf_lit(out, " to ");
    put_time(out, repair->max_t_ms);
}

static void put_place(Buf *out, Str query, u32 pos)
{
    u32 line = 1;
    u32 column = 1;
    for (size_t i = 0; i < MIN((size_t)pos, query.len); i++) {
        bool newline = query.ptr[i] == '\n';
        line += newline;
        column = newline ? 1 : column + 1;
    }
    buf_printf(out, " (%u:%u)", line, column);
}

bool annotations_texts(const Annotations *annotations, AnnotationLevel level, Str query,
                       Arena *arena, Str **ret, size_t *ret_count, Err *err)
{
    Str *texts = ARENA_NEW(arena, Str, annotations->count + 1);
    if (!texts) {
        return arena_full(arena, err);
    }
    size_t count = 0;
    Buf line;
    buf_init(&line, LINE_MAX);
    bool ok = true;
    for (size_t i = 0; i < annotations->count && ok; i++) {
        const Annotation *annotation = &annotations->at[i];
        if (annotation->level != level) {
            continue;
        }
        buf_clear(&line);
        buf_str(&line, annotation->text);
        if (annotation->repaired) {
            put_repair(&line, &annotation->repair);
        }
        if (annotation->show_count && annotation->count > 1) {
            buf_printf(&line, " (%" PRIu64 " occurrences)", annotation->count);
        }
        put_place(&line, query, annotation->pos);
        ok = arena_str(arena, buf_view(&line), &texts[count++], err);
    }
    buf_done(&line);
    if (ok) {
        *ret = texts;
        *ret_count = count;
    }
    return ok;
}
