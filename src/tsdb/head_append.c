/* Appending to the head: check, code, pack, log, apply. See head.h. Layer: tsdb. Thread: any. */
#include "tsdb/chunk_histogram.h"
#include "tsdb/head_internal.h"

enum {
    PREFETCH_SERIES = 32, /* samples ahead */
    PREFETCH_CHUNK = 16,
    CACHE_LINE = 64,
    RECORDS_MAX = 6,     /* series, samples, four kinds of histograms */
    OUTCOME_SAME = 0x80, /* an exact repetition: fine, and nothing to do */
    PACK_SLACK = 4096,   /* bytes that packing may add to a record */
};

/* One append on its way. */
typedef struct Batch {
    const BatchSample *samples;
    size_t count;
    AppendScratch *scratch;         /* outcomes: one a sample */
    size_t part_end[RECORDS_MAX];   /* of each record in scratch->records */
    WalRecord records[RECORDS_MAX]; /* packed; [0] is kept for new series */
    size_t record_count;            /* with [0] */
    bool unlogged;                  /* there are series that the log does not know */
} Batch;

/* ---- scratch ---- */

static AppendScratch *scratch_take(Head *head)
{
    (void)pthread_mutex_lock(&head->scratch_lock);
    AppendScratch *scratch = head->scratch;
    if (scratch) {
        head->scratch = scratch->next;
    }
    (void)pthread_mutex_unlock(&head->scratch_lock);
    if (!scratch) {
        scratch = MEM_NEW(AppendScratch);
        buf_init(&scratch->records, RECORD_BYTES_MAX);
        buf_init(&scratch->packed, (size_t)2 * RECORD_BYTES_MAX);
        buf_init(&scratch->series_records, RECORD_BYTES_MAX);
        buf_init(&scratch->series_packed, (size_t)2 * RECORD_BYTES_MAX);
    }
    return scratch;
}

static void scratch_give(Head *head, AppendScratch *scratch)
{
    (void)pthread_mutex_lock(&head->scratch_lock);
    scratch->next = head->scratch;
    head->scratch = scratch;
    (void)pthread_mutex_unlock(&head->scratch_lock);
}

/* ---- checking ---- */

/* The original refuses what is older than half a chunk span behind the newest sample, because that
 * part may be cut into a block at any time. */
static i64 oldest_accepted(const Head *head)
{
    i64 maxt = atomic_load_explicit(&head->maxt_ms, memory_order_relaxed);
    i64 min_valid = atomic_load_explicit(&head->min_valid_ms, memory_order_relaxed);
    i64 half = head->opts.chunk_span_ms / 2;
    return maxt > INT64_MIN + half ? MAX(maxt - half, min_valid) : min_valid;
}

static bool same_value(const Series *series, const HeadSample *sample)
{
    bool is_float = series->encoding == CHUNK_ENCODING_XOR || series->encoding == 0;
    if (is_float || !sample->hist) {
        return is_float && !sample->hist && f64_bits(series->open.value) == f64_bits(sample->value);
    }
    return histogram_chunk_ends_with(series->chunk.histogram, sample->hist);
}

static inline u8 check_sample(const Series *series, const BatchSample *sample, i64 oldest_ms)
{
    if (UNLIKELY(!series)) {
        return SAMPLE_UNKNOWN_SERIES;
    }
    if (UNLIKELY(sample->t_ms < oldest_ms)) {
        return SAMPLE_OUT_OF_BOUNDS;
    }
    if (LIKELY(!(series->flags & SERIES_SAMPLED) || sample->t_ms > series->open.t_ms)) {
        return SAMPLE_OK;
    }
    if (sample->t_ms < series->open.t_ms) {
        return SAMPLE_OUT_OF_ORDER;
    }
    HeadSample stored = head_sample(series, sample);
    return same_value(series, &stored) ? OUTCOME_SAME : SAMPLE_DUPLICATE;
}

static inline const Series *slot_ahead(const Head *head, const Batch *batch, size_t at)
{
    u32 slot = at < batch->count ? id_slot(batch->samples[at].series) : UINT32_MAX;
    return slot < head->series.count ? head_slot(head, slot) : NULL;
}

/* Series and chunks lie anywhere in memory: first the series is asked for, and when it has come the
 * place in its chunk where the next bits go. */
static inline void prefetch_series(const Head *head, const Batch *batch, size_t i)
{
    const Series *series = slot_ahead(head, batch, i + PREFETCH_SERIES);
    if (series) {
        __builtin_prefetch(series, 1);
        __builtin_prefetch((const u8 *)series + CACHE_LINE, 1);
    }
}

static inline void prefetch_chunk(const Head *head, const Batch *batch, size_t i)
{
    const Series *series = slot_ahead(head, batch, i + PREFETCH_CHUNK);
    if (series && series->chunk.bytes) {
        __builtin_prefetch(series->chunk.bytes + series->open.bits / 8, 1);
    }
}

/* ---- coding ---- */

/* What was added to scratch->records since the last part is a record. */
static void end_part(Batch *batch)
{
    size_t begin = batch->record_count > 1 ? batch->part_end[batch->record_count - 1] : 0;
    if (batch->scratch->records.len > begin) {
        batch->part_end[batch->record_count++] = batch->scratch->records.len;
    }
}

static void encode_histograms(const Head *head, const Batch *batch, RecordType type)
{
    RecordWriter writer;
    record_begin(&writer, &batch->scratch->records, type);
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->scratch->outcomes.at[i] == SAMPLE_OK) {
            const Series *series = head_find_id(head, batch->samples[i].series);
            HeadSample stored = head_sample(series, &batch->samples[i]);
            if (stored.hist && record_histogram_type(stored.hist) == type) {
                Histogram hist = *stored.hist;
                hist.sum = stored.value;
                record_put_histogram(&writer, series->ref, stored.t_ms, &hist);
            }
        }
    }
}

/* Checks every sample and codes what is accepted. Under commit or state. */
static void check_and_encode(const Head *head, Batch *batch)
{
    i64 oldest_ms = oldest_accepted(head);
    Buf *records = &batch->scratch->records;
    bool histograms = false;
    batch->record_count = 1;
    buf_clear(records);
    SamplesWriter writer = record_samples_begin(records, batch->count);
    ASSERT(writer.begin); /* HEAD_BATCH_MAX bounds it */
    for (size_t i = 0; i < batch->count; i++) {
        const BatchSample *sample = &batch->samples[i];
        prefetch_series(head, batch, i);
        const Series *series = head_find_id(head, sample->series);
        u8 outcome = check_sample(series, sample, oldest_ms);
        batch->scratch->outcomes.at[i] = outcome;
        if (LIKELY(outcome == SAMPLE_OK)) {
            if (LIKELY(!head_sample(series, sample).hist)) {
                record_samples_put(&writer, series->ref, sample->t_ms, sample->value);
            } else {
                histograms = true;
            }
        }
    }
    record_samples_end(&writer, records);
    end_part(batch);
    for (int type = RECORD_HISTOGRAMS; histograms && type <= RECORD_CUSTOM_FLOAT_HISTOGRAMS;
         type++) {
        encode_histograms(head, batch, (RecordType)type);
        end_part(batch);
    }
}

/* Packing never moves what was packed before: there is room for the worst case at once. */
static bool pack(const Head *head, Batch *batch, Err *err)
{
    AppendScratch *scratch = batch->scratch;
    buf_clear(&scratch->packed);
    if (!head->opts.wal) {
        return true;
    }
    if (!buf_ok(&scratch->records, err)) {
        return false;
    }
    if (!buf_reserve(&scratch->packed, scratch->records.len * 2 + PACK_SLACK * RECORDS_MAX)) {
        return buf_ok(&scratch->packed, err);
    }
    for (size_t i = 1; i < batch->record_count; i++) {
        size_t begin = i > 1 ? batch->part_end[i - 1] : 0;
        Str record = str_slice(buf_view(&scratch->records), begin, batch->part_end[i]);
        if (!wal_pack(head->opts.compression, record, &scratch->packed, &batch->records[i], err)) {
            return false;
        }
    }
    return true;
}

/* The record of series that the log does not know yet. Under commit. */
static bool pack_new_series(const Head *head, Batch *batch, Err *err)
{
    AppendScratch *scratch = batch->scratch;
    RecordWriter writer;
    buf_clear(&scratch->series_records);
    buf_clear(&scratch->series_packed);
    record_begin(&writer, &scratch->series_records, RECORD_SERIES);
    for (size_t i = 0; i < batch->count; i++) {
        if (scratch->outcomes.at[i] != SAMPLE_OK) {
            continue;
        }
        const Series *series = head_find_id(head, batch->samples[i].series);
        if (!(series->flags & SERIES_LOGGED)) {
            scratch->labels.count = 0;
            vec_reserve(&scratch->labels, series->pair_count);
            label_pair_labels(&head->labels, series->pairs, series->pair_count, scratch->labels.at);
            record_put_series(&writer, series->ref,
                              (Labels){.at = scratch->labels.at, .count = series->pair_count});
        }
    }
    return buf_ok(&scratch->series_records, err) &&
           (scratch->series_records.len == 0 ||
            wal_pack(head->opts.compression, buf_view(&scratch->series_records),
                     &scratch->series_packed, &batch->records[0], err));
}

/* ---- logging and applying; under commit ---- */

/* Whether what was checked without the commit lock still holds with it; notes on the way whether
 * there are series that the log does not know. */
static bool still_valid(const Head *head, Batch *batch)
{
    u8 flags = SERIES_LOGGED;
    for (size_t i = 0; i < batch->count; i++) {
        u8 before = batch->scratch->outcomes.at[i];
        if (before == SAMPLE_OK || before == SAMPLE_UNKNOWN_SERIES) {
            const BatchSample *sample = &batch->samples[i];
            const Series *series = head_find_id(head, sample->series);
            bool ok =
                series && (!(series->flags & SERIES_SAMPLED) || sample->t_ms > series->open.t_ms);
            if (ok != (before == SAMPLE_OK)) {
                return false;
            }
            flags &= ok ? series->flags : SERIES_LOGGED;
        }
    }
    batch->unlogged = !(flags & SERIES_LOGGED);
    return true;
}

static bool log_batch(Head *head, Batch *batch, Err *err)
{
    if (!head->opts.wal || batch->record_count == 1) {
        return true;
    }
    batch->records[0] = (WalRecord){0};
    if (batch->unlogged && !pack_new_series(head, batch, err)) {
        return false;
    }
    size_t first = batch->records[0].bytes.len > 0 ? 0 : 1;
    return wal_write(head->opts.wal, batch->records + first, batch->record_count - first, err);
}

/* Under state, too. */
static void apply_batch(Head *head, Batch *batch)
{
    u64 appended = 0;
    i64 mint = INT64_MAX;
    i64 maxt = INT64_MIN;
    for (size_t i = 0; i < batch->count; i++) {
        prefetch_series(head, batch, i);
        prefetch_chunk(head, batch, i);
        if (UNLIKELY(batch->scratch->outcomes.at[i] != SAMPLE_OK)) {
            continue;
        }
        u32 slot = id_slot(batch->samples[i].series);
        Series *series = head_slot(head, slot);
        /* A batch may name a series twice. */
        u8 outcome = check_sample(series, &batch->samples[i], INT64_MIN);
        batch->scratch->outcomes.at[i] = outcome;
        if (LIKELY(outcome == SAMPLE_OK)) {
            HeadSample stored = head_sample(series, &batch->samples[i]);
            series->flags |= SERIES_LOGGED;
            series_append(head, slot, &stored);
            mint = MIN(mint, stored.t_ms);
            maxt = MAX(maxt, stored.t_ms);
            appended++;
        }
    }
    if (appended > 0) {
        note_time(head, mint, maxt);
        atomic_fetch_add_explicit(&head->samples_appended, appended, memory_order_relaxed);
    }
}

static bool commit(Head *head, Batch *batch, Err *err)
{
    if (!still_valid(head, batch)) {
        batch->unlogged = true;
        check_and_encode(head, batch);
        if (!pack(head, batch, err)) {
            return false;
        }
    }
    if (!log_batch(head, batch, err)) {
        return false;
    }
    head_lock_state(head);
    apply_batch(head, batch);
    head_unlock_state(head);
    return true;
}

static void report(Head *head, const Batch *batch, SampleOutcome *ret)
{
    u64 counts[SAMPLE_TOO_OLD + 1] = {0};
    for (size_t i = 0; i < batch->count; i++) {
        u8 outcome = batch->scratch->outcomes.at[i];
        outcome = outcome == OUTCOME_SAME ? SAMPLE_OK : outcome;
        counts[outcome]++;
        if (ret) {
            ret[i] = (SampleOutcome)outcome;
        }
    }
    for (size_t i = SAMPLE_OK + 1; i < COUNT_OF(counts); i++) {
        if (counts[i] > 0) {
            atomic_fetch_add_explicit(&head->refused[i], counts[i], memory_order_relaxed);
        }
    }
}

bool head_append(Head *head, const BatchSample *samples, size_t count, SampleOutcome *outcomes,
                 Err *err)
{
    if (count > HEAD_BATCH_MAX) {
        return err_set(err, ERR_LIMIT, "a batch of %zu samples; the limit is %d", count,
                       HEAD_BATCH_MAX);
    }
    Batch batch = {.samples = samples, .count = count, .scratch = scratch_take(head)};
    vec_reserve(&batch.scratch->outcomes, count);

    head_read_state(head);
    check_and_encode(head, &batch);
    head_unlock_state(head);

    bool ok = pack(head, &batch, err);
    bool many_pending = false;
    if (ok) {
        head_lock(head);
        ok = commit(head, &batch, err);
        many_pending = head->pending.count >= HEAD_PENDING_MAX;
        head_unlock(head);
    }
    report(head, &batch, outcomes);
    scratch_give(head, batch.scratch);
    if (many_pending) {
        head_flush_if_free(head);
    }
    return ok;
}

/* ---- exemplars and metadata ---- */

/* Logs one entry, and the series itself when the log does not know it yet. */
static bool log_entry(Head *head, SeriesId id,
                      void (*put)(RecordWriter *writer, u64 ref, const void *entry),
                      RecordType type, const void *entry, Err *err)
{
    BatchSample sample = {.series = id};
    Batch batch = {
        .samples = &sample, .count = 1, .scratch = scratch_take(head), .record_count = 1};
    RecordWriter writer;
    vec_reserve(&batch.scratch->outcomes, 1);
    batch.scratch->outcomes.at[0] = SAMPLE_OK;
    buf_clear(&batch.scratch->records);
    record_begin(&writer, &batch.scratch->records, type);
    head_lock(head);
    const Series *series = head_find_id(head, id);
    bool ok = series || err_set(err, ERR_NOT_FOUND, "the series is not known any more");
    if (ok) {
        batch.unlogged = true;
        put(&writer, series->ref, entry);
        end_part(&batch);
        ok = pack(head, &batch, err) && log_batch(head, &batch, err);
    }
    head_unlock(head);
    scratch_give(head, batch.scratch);
    return ok;
}

static void put_exemplar(RecordWriter *writer, u64 ref, const void *entry)
{
    record_put_exemplar(writer, ref, entry);
}

static void put_metadata(RecordWriter *writer, u64 ref, const void *entry)
{
    record_put_metadata(writer, ref, entry);
}

bool head_exemplar(Head *head, SeriesId id, const Exemplar *exemplar, Err *err)
{
    if (!exemplars_check(exemplar, err)) {
        return false;
    }
    head_read_state(head);
    const Series *series = head_find_id(head, id);
    u64 ref = series ? series->ref : 0;
    head_unlock_state(head);
    if (!series) {
        return err_set(err, ERR_NOT_FOUND, "the series is not known any more");
    }
    switch (exemplars_add(&head->exemplars, ref, exemplar)) {
    case EXEMPLAR_ADDED:
        return log_entry(head, id, put_exemplar, RECORD_EXEMPLARS, exemplar, err);
    case EXEMPLAR_TOO_OLD:
        return err_set(err, ERR_INVALID, "out of order exemplar");
    default:
        return true;
    }
}

bool head_metadata(Head *head, SeriesId id, const MetricMetadata *metadata, Err *err)
{
    return !head->opts.log_metadata ||
           log_entry(head, id, put_metadata, RECORD_METADATA, metadata, err);
}
