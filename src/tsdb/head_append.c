/* Appending to the head: check, code, pack, log, apply. See head.h. Layer: tsdb. Thread: any. */
#include "tsdb/chunk_histogram.h"
#include "tsdb/head_internal.h"

enum {
    PREFETCH_AHEAD = 12, /* samples */
    RECORDS_MAX = 6,     /* series, samples, four kinds of histograms */
    OUTCOME_SAME = 0x80, /* an exact repetition: fine, and nothing to do */
    PACK_SLACK = 4096,
};

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
    i64 half = head->opts.chunk_span_ms / 2;
    return maxt > INT64_MIN + half ? MAX(maxt - half, head->min_valid_ms) : head->min_valid_ms;
}

static bool same_value(const Series *series, const HeadSample *sample)
{
    bool is_float = series->encoding == CHUNK_ENCODING_XOR || series->encoding == 0;
    if (is_float || !sample->hist) {
        return is_float && !sample->hist && f64_bits(series->open.value) == f64_bits(sample->value);
    }
    return histogram_chunk_ends_with(series->chunk.histogram, sample->hist);
}

static u8 check_sample(const Series *series, const BatchSample *sample, i64 oldest_ms)
{
    if (!series) {
        return SAMPLE_UNKNOWN_SERIES;
    }
    if (sample->t_ms < oldest_ms) {
        return SAMPLE_OUT_OF_BOUNDS;
    }
    if (!(series->flags & SERIES_SAMPLED) || sample->t_ms > series->open.t_ms) {
        return SAMPLE_OK;
    }
    if (sample->t_ms < series->open.t_ms) {
        return SAMPLE_OUT_OF_ORDER;
    }
    HeadSample stored = head_sample(series, sample);
    return same_value(series, &stored) ? OUTCOME_SAME : SAMPLE_DUPLICATE;
}

static void prefetch(const Head *head, const BatchSample *samples, size_t count, size_t i)
{
    if (i + PREFETCH_AHEAD < count) {
        u32 slot = id_slot(samples[i + PREFETCH_AHEAD].series);
        if (slot < head->series.count) {
            const Series *series = head_slot(head, slot);
            __builtin_prefetch(series, 1);
            __builtin_prefetch((const u8 *)series + 64, 1);
        }
    }
}

/* ---- coding ---- */

/* The parts of scratch->records. */
typedef struct RecordParts {
    size_t end[RECORDS_MAX];
    size_t count;
} RecordParts;

static void end_part(const AppendScratch *scratch, RecordParts *parts)
{
    size_t begin = parts->count ? parts->end[parts->count - 1] : 0;
    if (scratch->records.len > begin) {
        parts->end[parts->count++] = scratch->records.len;
    }
}

static void encode_histograms(const Head *head, const BatchSample *samples, size_t count,
                              AppendScratch *scratch, RecordType type)
{
    RecordWriter writer;
    record_begin(&writer, &scratch->records, type);
    for (size_t i = 0; i < count; i++) {
        if (scratch->outcomes.at[i] == SAMPLE_OK) {
            const Series *series = head_find_id(head, samples[i].series);
            HeadSample stored = head_sample(series, &samples[i]);
            if (stored.hist && record_histogram_type(stored.hist) == type) {
                Histogram hist = *stored.hist;
                hist.sum = stored.value;
                record_put_histogram(&writer, series->ref, stored.t_ms, &hist);
            }
        }
    }
}

/* Checks every sample and codes what is accepted. Under commit or state. */
static void check_and_encode(const Head *head, const BatchSample *samples, size_t count,
                             AppendScratch *scratch, RecordParts *parts)
{
    i64 oldest_ms = oldest_accepted(head);
    bool histograms = false;
    RecordWriter writer;
    *parts = (RecordParts){0};
    buf_clear(&scratch->records);
    record_begin(&writer, &scratch->records, RECORD_SAMPLES);
    for (size_t i = 0; i < count; i++) {
        prefetch(head, samples, count, i);
        const Series *series = head_find_id(head, samples[i].series);
        u8 outcome = check_sample(series, &samples[i], oldest_ms);
        scratch->outcomes.at[i] = outcome;
        if (LIKELY(outcome == SAMPLE_OK)) {
            if (LIKELY(!head_sample(series, &samples[i]).hist)) {
                record_put_sample(&writer, series->ref, samples[i].t_ms, samples[i].value);
            } else {
                histograms = true;
            }
        }
    }
    end_part(scratch, parts);
    for (int type = RECORD_HISTOGRAMS; histograms && type <= RECORD_CUSTOM_FLOAT_HISTOGRAMS;
         type++) {
        encode_histograms(head, samples, count, scratch, (RecordType)type);
        end_part(scratch, parts);
    }
}

/* Whether what was checked without the commit lock still holds with it. */
static bool still_valid(const Head *head, const BatchSample *samples, size_t count,
                        const AppendScratch *scratch)
{
    for (size_t i = 0; i < count; i++) {
        u8 before = scratch->outcomes.at[i];
        if (before == SAMPLE_OK || before == SAMPLE_UNKNOWN_SERIES) {
            const Series *series = head_find_id(head, samples[i].series);
            bool ok = series &&
                      (!(series->flags & SERIES_SAMPLED) || samples[i].t_ms > series->open.t_ms);
            if (ok != (before == SAMPLE_OK)) {
                return false;
            }
        }
    }
    return true;
}

/* The records of series that the log does not know yet. Under commit. */
static bool pack_new_series(const Head *head, const BatchSample *samples, size_t count,
                            AppendScratch *scratch, WalRecord *ret, Err *err)
{
    RecordWriter writer;
    buf_clear(&scratch->series_records);
    buf_clear(&scratch->series_packed);
    record_begin(&writer, &scratch->series_records, RECORD_SERIES);
    for (size_t i = 0; i < count; i++) {
        if (scratch->outcomes.at[i] != SAMPLE_OK) {
            continue;
        }
        const Series *series = head_find_id(head, samples[i].series);
        if (!(series->flags & SERIES_LOGGED)) {
            scratch->labels.count = 0;
            vec_reserve(&scratch->labels, series->pair_count);
            label_pair_labels(&head->labels, series->pairs, series->pair_count, scratch->labels.at);
            record_put_series(&writer, series->ref,
                              (Labels){.at = scratch->labels.at, .count = series->pair_count});
        }
    }
    *ret = (WalRecord){0};
    return buf_ok(&scratch->series_records, err) &&
           (scratch->series_records.len == 0 ||
            wal_pack(head->opts.compression, buf_view(&scratch->series_records),
                     &scratch->series_packed, ret, err));
}

/* Packing never moves what was packed before: there is room for the worst case at once. */
static bool pack(const Head *head, AppendScratch *scratch, const RecordParts *parts,
                 WalRecord *ret_records, Err *err)
{
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
    for (size_t i = 0; i < parts->count; i++) {
        size_t begin = i ? parts->end[i - 1] : 0;
        Str record = str_slice(buf_view(&scratch->records), begin, parts->end[i]);
        if (!wal_pack(head->opts.compression, record, &scratch->packed, &ret_records[i], err)) {
            return false;
        }
    }
    return true;
}

/* ---- logging and applying ---- */

/* Under commit. */
static bool log_batch(Head *head, const BatchSample *samples, size_t count, AppendScratch *scratch,
                      const WalRecord *records, size_t record_count, Err *err)
{
    WalRecord all[RECORDS_MAX + 1];
    if (!pack_new_series(head, samples, count, scratch, &all[0], err)) {
        return false;
    }
    size_t first = all[0].bytes.len > 0 ? 0 : 1;
    memcpy(all + 1, records, record_count * sizeof(*records));
    return record_count == 0 ||
           wal_write(head->opts.wal, all + first, record_count + 1 - first, err);
}

/* Under commit and state. */
static void apply_batch(Head *head, const BatchSample *samples, size_t count,
                        AppendScratch *scratch)
{
    u64 appended = 0;
    i64 mint = INT64_MAX;
    i64 maxt = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        prefetch(head, samples, count, i);
        if (scratch->outcomes.at[i] != SAMPLE_OK) {
            continue;
        }
        u32 slot = id_slot(samples[i].series);
        Series *series = head_slot(head, slot);
        /* A batch may name a series twice. */
        u8 outcome = check_sample(series, &samples[i], INT64_MIN);
        scratch->outcomes.at[i] = outcome;
        if (LIKELY(outcome == SAMPLE_OK)) {
            HeadSample stored = head_sample(series, &samples[i]);
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

static void report(Head *head, size_t count, const AppendScratch *scratch, SampleOutcome *ret)
{
    u64 refused[SAMPLE_TOO_OLD + 1] = {0};
    for (size_t i = 0; i < count; i++) {
        u8 outcome = scratch->outcomes.at[i] == OUTCOME_SAME ? SAMPLE_OK : scratch->outcomes.at[i];
        refused[outcome]++;
        if (ret) {
            ret[i] = (SampleOutcome)outcome;
        }
    }
    for (size_t i = SAMPLE_OK + 1; i < COUNT_OF(refused); i++) {
        if (refused[i] > 0) {
            atomic_fetch_add_explicit(&head->refused[i], refused[i], memory_order_relaxed);
        }
    }
}

static bool commit(Head *head, const BatchSample *samples, size_t count, AppendScratch *scratch,
                   RecordParts *parts, WalRecord *records, Err *err)
{
    if (!still_valid(head, samples, count, scratch)) {
        check_and_encode(head, samples, count, scratch, parts);
        if (!pack(head, scratch, parts, records, err)) {
            return false;
        }
    }
    if (head->opts.wal && !log_batch(head, samples, count, scratch, records, parts->count, err)) {
        return false;
    }
    head_lock_state(head);
    apply_batch(head, samples, count, scratch);
    head_unlock_state(head);
    return true;
}

bool head_append(Head *head, const BatchSample *samples, size_t count, SampleOutcome *outcomes,
                 Err *err)
{
    AppendScratch *scratch = scratch_take(head);
    WalRecord records[RECORDS_MAX];
    RecordParts parts;
    vec_reserve(&scratch->outcomes, count);

    head_read_state(head);
    check_and_encode(head, samples, count, scratch, &parts);
    head_unlock_state(head);

    bool ok = pack(head, scratch, &parts, records, err);
    bool many_pending = false;
    if (ok) {
        head_lock(head);
        ok = commit(head, samples, count, scratch, &parts, records, err);
        many_pending = head->pending.count >= HEAD_PENDING_MAX;
        head_unlock(head);
    }
    report(head, count, scratch, outcomes);
    scratch_give(head, scratch);
    if (many_pending) {
        head_flush_if_free(head);
    }
    return ok;
}

/* ---- exemplars and metadata ---- */

/* The log reference of a series, whose record is written first when the log does not know it. */
static bool log_entry(Head *head, SeriesId id,
                      void (*put)(RecordWriter *writer, u64 ref, const void *entry),
                      RecordType type, const void *entry, Err *err)
{
    AppendScratch *scratch = scratch_take(head);
    BatchSample sample = {.series = id};
    WalRecord records[2];
    RecordWriter writer;
    vec_reserve(&scratch->outcomes, 1);
    scratch->outcomes.at[0] = SAMPLE_OK;
    buf_clear(&scratch->records);
    buf_clear(&scratch->packed);
    record_begin(&writer, &scratch->records, type);
    head_lock(head);
    const Series *series = head_find_id(head, id);
    bool ok = series || err_set(err, ERR_NOT_FOUND, "the series is not known any more");
    if (ok && head->opts.wal) {
        put(&writer, series->ref, entry);
        ok = buf_ok(&scratch->records, err) &&
             wal_pack(head->opts.compression, buf_view(&scratch->records), &scratch->packed,
                      &records[1], err) &&
             pack_new_series(head, &sample, 1, scratch, &records[0], err);
        size_t first = ok && records[0].bytes.len > 0 ? 0 : 1;
        ok = ok && wal_write(head->opts.wal, records + first, 2 - first, err);
    }
    head_unlock(head);
    scratch_give(head, scratch);
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
