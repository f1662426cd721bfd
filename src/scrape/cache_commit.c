/*
 * Cache: what became of a batch. See cache.h. Layer: scrape. Memory: scratch is the batch's.
 * Thread: one at a time.
 */
#include "scrape/cache_internal.h"

static void set_tracked(ScrapeCache *cache, CacheEntry *entry, bool tracked)
{
    if (entry->tracked != tracked) {
        entry->tracked = tracked;
        cache->tracked += tracked ? 1 : (size_t)-1;
    }
}

static void count_outcome(SampleOutcome outcome, ScrapeCounts *counts)
{
    switch (outcome) {
    case SAMPLE_OUT_OF_ORDER:
        counts->out_of_order++;
        break;
    case SAMPLE_DUPLICATE:
        counts->duplicates++;
        break;
    case SAMPLE_OUT_OF_BOUNDS:
    case SAMPLE_TOO_OLD:
        counts->out_of_bounds++;
        break;
    case SAMPLE_OK:
    case SAMPLE_UNKNOWN_SERIES:
        break;
    }
}

/* Markers and reports may be refused without a word: the target may have come back under another
 * loop. */
static size_t learn_outcomes(ScrapeCache *cache, const ScrapeBatch *batch, ScrapeCounts *counts)
{
    size_t unknown = 0;
    for (size_t i = 0; i < batch->count; i++) {
        BatchMark mark = batch->marks[i];
        SampleOutcome outcome = batch->outcomes[i];
        if (mark.kind == BATCH_STALE) {
            set_tracked(cache, &cache->entries[mark.entry], false);
        } else if (mark.kind == BATCH_REPORT) {
            counts->unknown_reports |= (u32)(outcome == SAMPLE_UNKNOWN_SERIES) << mark.entry;
        } else if (UNLIKELY(outcome != SAMPLE_OK)) {
            count_outcome(outcome, counts);
            unknown += outcome == SAMPLE_UNKNOWN_SERIES;
        } else if (mark.kind == BATCH_LIVE) {
            set_tracked(cache, &cache->entries[mark.entry], true);
        }
    }
    return unknown;
}

/* The sink forgot some series: ask for them again with labels, taken from the page. */
static bool rename_unknown(ScrapeCache *cache, const ScrapePage *page, ScrapeBatch *batch, Err *err)
{
    ExpositionReader reader;
    MetricType type = METRIC_UNKNOWN;
    u32 line = 0;
    size_t i = 0;
    exposition_init(&reader, page->format, page->body);
    for (ExpositionEntry kind; (kind = exposition_next(&reader, err)) != EXPOSITION_END;) {
        if (kind == EXPOSITION_BAD) {
            return false;
        }
        if (kind == EXPOSITION_TYPE) {
            type = METRIC_UNKNOWN;
            (void)metric_type_parse(reader.text, &type);
        }
        if (kind != EXPOSITION_SAMPLE) {
            continue;
        }
        for (; i < batch->count && batch->marks[i].kind <= BATCH_EXPLICIT &&
               batch->marks[i].line == line;
             i++) {
            Labels labels;
            CacheEntry *entry = &cache->entries[batch->marks[i].entry];
            if (batch->outcomes[i] == SAMPLE_UNKNOWN_SERIES &&
                (series_labels(cache->opts.rules, cache->opts.target_labels, reader.series_text,
                               type, &batch->arena, &labels, err) != LABELS_KEPT ||
                 !cache->opts.sink->series(cache->opts.sink, labels, &entry->series, NULL, err))) {
                return false;
            }
        }
        line++;
    }
    return true;
}

/* Moves the refused samples to the front of the batch, under their series' new ids. */
static void keep_unknown(const ScrapeCache *cache, ScrapeBatch *batch)
{
    size_t count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        BatchMark mark = batch->marks[i];
        if (batch->outcomes[i] == SAMPLE_UNKNOWN_SERIES && mark.kind <= BATCH_EXPLICIT) {
            batch->samples[count] = batch->samples[i];
            batch->samples[count].series = cache->entries[mark.entry].series;
            batch->marks[count++] = mark;
        }
    }
    batch->count = count;
    batch->exemplar_count = 0;
}

static bool append_again(ScrapeCache *cache, const ScrapePage *page, ScrapeBatch *batch,
                         ScrapeCounts *counts, Err *err)
{
    if (!rename_unknown(cache, page, batch, err)) {
        return false;
    }
    keep_unknown(cache, batch);
    if (!cache->opts.sink->append(cache->opts.sink, batch->samples, batch->count, batch->outcomes,
                                  err)) {
        return false;
    }
    (void)learn_outcomes(cache, batch, counts);
    return true;
}

static void send_exemplars(ScrapeCache *cache, ScrapeBatch *batch, ScrapeCounts *counts)
{
    Sink *sink = cache->opts.sink;
    for (size_t i = 0; i < batch->exemplar_count && sink->exemplar; i++) {
        const BatchExemplar *pending = &batch->exemplars[i];
        ArenaMark before = arena_mark(&batch->arena);
        ExpositionLabel *labels;
        size_t count;
        bool has_t;
        Exemplar exemplar;
        Err err;
        if (batch->outcomes[pending->sample] == SAMPLE_OK &&
            exposition_exemplar(pending->text, &batch->arena, &labels, &count, &exemplar.value,
                                &has_t, &exemplar.t_ms, &err)) {
            LabelsBuilder builder;
            labels_builder_init(&builder, &batch->arena);
            bool ok = true;
            for (size_t k = 0; k < count && ok; k++) {
                ok = labels_builder_set(&builder, labels[k].name, labels[k].value, &err);
            }
            exemplar.t_ms = has_t ? exemplar.t_ms : batch->samples[pending->sample].t_ms;
            ok = ok && labels_builder_finish(&builder, &exemplar.labels, &err);
            if (ok &&
                !sink->exemplar(sink, batch->samples[pending->sample].series, &exemplar, &err)) {
                counts->exemplars_out_of_order++;
            }
        }
        arena_reset(&batch->arena, before);
    }
}

bool scrape_cache_commit(ScrapeCache *cache, const ScrapePage *page, ScrapeBatch *batch,
                         ScrapeCounts *counts, Err *err)
{
    Sink *sink = cache->opts.sink;
    if (batch->count > 0 &&
        !sink->append(sink, batch->samples, batch->count, batch->outcomes, err)) {
        cache_forget_page(cache);
        return false;
    }
    size_t unknown = learn_outcomes(cache, batch, counts);
    send_exemplars(cache, batch, counts);
    bool ok = true;
    if (unknown > 0 && page) {
        ok = append_again(cache, page, batch, counts, err);
    }
    if (page) {
        cache_finish_page(cache, batch);
    }
    return ok;
}
