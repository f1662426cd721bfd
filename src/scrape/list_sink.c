/* List sink: see list_sink.h. Layer: scrape, tests only. */
#include "scrape/list_sink.h"

#include "base/buf.h"
#include "base/mem.h"
#include "codec/number.h"

enum { LIST_ARENA_MAX = 512 * 1024 * 1024 };

static Str text_of(ListSink *list, Labels labels)
{
    Buf out;
    Str text = STR_EMPTY;
    Err err;
    buf_init(&out, 1024 * 1024);
    labels_format(&out, labels);
    bool kept = arena_str(&list->arena, buf_view(&out), &text, &err);
    ASSERT(kept);
    buf_done(&out);
    return text;
}

static bool list_series(Sink *sink, Labels labels, SeriesId *ret, bool *ret_new, Err *err)
{
    ListSink *list = CONTAINER_OF(sink, ListSink, sink);
    pthread_mutex_lock(&list->lock);
    bool is_new;
    list->series_calls++;
    if (list->series_max > 0 && list->series.count >= list->series_max) {
        pthread_mutex_unlock(&list->lock);
        return err_set(err, ERR_LIMIT, "too many series");
    }
    Str text = text_of(list, labels);
    u64 *slot = strmap_put(&list->by_text, text, &is_new);
    is_new = is_new || list->series.at[*slot - 1]->forgotten;
    if (is_new) {
        ListSeries *made = MEM_NEW(ListSeries);
        made->text = text;
        *vec_push(&list->series) = made;
        *slot = list->series.count;
    }
    *ret = *slot;
    if (ret_new) {
        *ret_new = is_new;
    }
    pthread_mutex_unlock(&list->lock);
    return true;
}

static SampleOutcome put(ListSink *list, const BatchSample *sample)
{
    ASSERT(sample->series > 0 && sample->series <= list->series.count);
    ListSeries *series = list->series.at[sample->series - 1];
    if (series->forgotten) {
        return SAMPLE_UNKNOWN_SERIES;
    }
    if (series->samples.count > 0) {
        const ListSample *last = &series->samples.at[series->samples.count - 1];
        if (sample->t_ms < last->t_ms) {
            return SAMPLE_OUT_OF_ORDER;
        }
        if (sample->t_ms == last->t_ms) {
            return f64_bits(sample->value) == f64_bits(last->value) ? SAMPLE_OK : SAMPLE_DUPLICATE;
        }
    }
    *vec_push(&series->samples) = (ListSample){.t_ms = sample->t_ms, .value = sample->value};
    return SAMPLE_OK;
}

static bool list_append(Sink *sink, const BatchSample *samples, size_t count,
                        SampleOutcome *outcomes, Err *err)
{
    ListSink *list = CONTAINER_OF(sink, ListSink, sink);
    pthread_mutex_lock(&list->lock);
    list->appends++;
    bool ok = !list->fail_appends;
    for (size_t i = 0; i < count && ok; i++) {
        SampleOutcome outcome = put(list, &samples[i]);
        if (outcomes) {
            outcomes[i] = outcome;
        }
    }
    pthread_mutex_unlock(&list->lock);
    return ok || err_set(err, ERR_IO, "the log cannot be written");
}

static bool list_exemplar(Sink *sink, SeriesId series, const Exemplar *exemplar, Err *err)
{
    ListSink *list = CONTAINER_OF(sink, ListSink, sink);
    (void)err;
    pthread_mutex_lock(&list->lock);
    *vec_push(&list->exemplars) = (ListExemplar){.series = list->series.at[series - 1]->text,
                                                 .text = text_of(list, exemplar->labels),
                                                 .value = exemplar->value,
                                                 .t_ms = exemplar->t_ms};
    pthread_mutex_unlock(&list->lock);
    return true;
}

void list_sink_init(ListSink *list)
{
    *list = (ListSink){
        .sink = {.series = list_series, .append = list_append, .exemplar = list_exemplar}};
    pthread_mutex_init(&list->lock, NULL);
    arena_init(&list->arena, LIST_ARENA_MAX);
}

void list_sink_done(ListSink *list)
{
    for (size_t i = 0; i < list->series.count; i++) {
        vec_done(&list->series.at[i]->samples);
        mem_free(list->series.at[i]);
    }
    vec_done(&list->series);
    vec_done(&list->exemplars);
    strmap_done(&list->by_text);
    arena_done(&list->arena);
    pthread_mutex_destroy(&list->lock);
}

const ListSeries *list_sink_find(ListSink *list, Str text)
{
    u64 index;
    pthread_mutex_lock(&list->lock);
    const ListSeries *found =
        strmap_get(&list->by_text, text, &index) ? list->series.at[index - 1] : NULL;
    pthread_mutex_unlock(&list->lock);
    return found;
}

Str list_sink_show(ListSink *list, Str text)
{
    const ListSeries *series = list_sink_find(list, text);
    Buf out;
    Str shown = STR_EMPTY;
    Err err;
    buf_init(&out, 1024 * 1024);
    pthread_mutex_lock(&list->lock);
    for (size_t i = 0; series && i < series->samples.count; i++) {
        const ListSample *sample = &series->samples.at[i];
        if (i > 0) {
            buf_byte(&out, ' ');
        }
        buf_i64(&out, sample->t_ms);
        buf_byte(&out, '=');
        if (is_stale_nan(sample->value)) {
            buf_lit(&out, "stale");
        } else {
            buf_f64_g(&out, sample->value);
        }
    }
    if (!series) {
        buf_lit(&out, "absent");
    }
    bool kept = arena_str(&list->arena, buf_view(&out), &shown, &err);
    ASSERT(kept);
    pthread_mutex_unlock(&list->lock);
    buf_done(&out);
    return shown;
}

void list_sink_forget(ListSink *list)
{
    pthread_mutex_lock(&list->lock);
    for (size_t i = 0; i < list->series.count; i++) {
        list->series.at[i]->forgotten = true;
    }
    pthread_mutex_unlock(&list->lock);
}
