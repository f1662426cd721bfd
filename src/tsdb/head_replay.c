/* Replay: see head_replay.h. Layer: tsdb. Thread: one; nobody else uses the head yet. */
#include "tsdb/head_replay.h"

#include "os/file.h"
#include "tsdb/bits.h"
#include "tsdb/checkpoint.h"
#include "tsdb/head_internal.h"
#include "tsdb/ref_map.h"

#include <stdio.h>

enum {
    RECORD_MEMORY = 256 * 1024 * 1024, /* bytes for the histograms of one record */
    CHUNK_NONE = UINT32_MAX,
};

/* A chunk found on disk that waits for its series. */
typedef struct LoadedChunk {
    i64 mint_ms, maxt_ms;
    u64 where;
    u16 count;
    u32 next; /* of the same series; CHUNK_NONE: last */
} LoadedChunk;

typedef struct LoadedSeries {
    u32 first, last; /* in Replay.chunks */
} LoadedSeries;

typedef struct Replay {
    Head *head;
    const ReplayOpts *opts;
    ReplayStats stats;
    RefMap slots;
    U64Map loaded; /* ref to index + 1 in series; 0: taken */
    VEC(LoadedSeries) series;
    VEC(LoadedChunk) chunks;
    Arena arena; /* one record's histograms */
    i64 mint_ms, maxt_ms;
    u64 max_ref;
} Replay;

static void tell(const Replay *replay, const char *what, const Err *why)
{
    char text[ERR_MESSAGE_MAX + 200];
    if (replay->opts->report) {
        (void)snprintf(text, sizeof(text), "%s: %s", what, why->message);
        replay->opts->report(replay->opts->self, text);
    }
}

/* ---- chunk files ---- */

static void visit_chunk(void *self, const FileChunk *chunk)
{
    Replay *replay = self;
    replay->max_ref = MAX(replay->max_ref, chunk->series_ref);
    if (chunk->encoding & CHUNK_OUT_OF_ORDER) {
        replay->stats.out_of_order_chunks++;
        return;
    }
    u64 *at = u64map_put(&replay->loaded, chunk->series_ref, NULL);
    u32 index = (u32)replay->chunks.count;
    if (*at == 0) {
        *vec_push(&replay->series) = (LoadedSeries){.first = index, .last = index};
        *at = replay->series.count;
    } else {
        LoadedSeries *series = &replay->series.at[*at - 1];
        if (chunk->mint_ms <= replay->chunks.at[series->last].maxt_ms) {
            return; /* written twice; the first one counts */
        }
        replay->chunks.at[series->last].next = index;
        series->last = index;
    }
    *vec_push(&replay->chunks) = (LoadedChunk){
        .mint_ms = chunk->mint_ms,
        .maxt_ms = chunk->maxt_ms,
        .where = chunk->ref,
        .count = chunk->data.len < 2 ? 0 : load_u16be((const u8 *)chunk->data.ptr),
        .next = CHUNK_NONE,
    };
}

static bool load_chunks(Replay *replay, Err *err)
{
    Err damage;
    if (!replay->head->opts.files) {
        return true;
    }
    if (!chunk_files_scan(replay->head->opts.files, visit_chunk, replay, &damage, err)) {
        return false;
    }
    if (damage.code != ERR_NONE) {
        tell(replay, "a chunk file was cut at its first damage", &damage);
    }
    return true;
}

/* Makes room at `index` in the list of full chunks; used when a series had several references. */
static void insert_full(Head *head, Series *series, const LoadedChunk *chunk)
{
    FullChunk added = {.where = chunk->where, .count = chunk->count};
    series_add_full(head, series, chunk->mint_ms, &added);
    FullChunks *full = series->full;
    i64 earlier_s = (full->base_ms - chunk->mint_ms + 999) / 1000;
    if (earlier_s > 0) { /* the list begins earlier from now on */
        full->base_ms -= earlier_s * 1000;
        for (u32 i = 0; i + 1 < full->count; i++) {
            full->at[i].mint_s += (u32)MIN(earlier_s, (i64)UINT32_MAX);
        }
    }
    u32 at = full->count - 1;
    FullChunk last = full->at[at];
    while (at > 0 && full->at[at - 1].mint_s > last.mint_s) {
        full->at[at] = full->at[at - 1];
        at--;
    }
    full->at[at] = last;
}

/* Gives a series the chunks that were found under one of its references. */
static void attach_chunks(Replay *replay, u64 ref, u32 slot)
{
    Head *head = replay->head;
    u64 *loaded = u64map_find(&replay->loaded, ref);
    if (!loaded || *loaded == 0) {
        return;
    }
    Series *series = head_slot(head, slot);
    u32 next = replay->series.at[*loaded - 1].first;
    *loaded = 0;
    series_cut(head, slot);
    while (next != CHUNK_NONE) {
        const LoadedChunk *chunk = &replay->chunks.at[next];
        insert_full(head, series, chunk);
        series->total += chunk->count;
        if (!(series->flags & SERIES_SAMPLED) || chunk->maxt_ms > series->open.t_ms) {
            series->open.t_ms = chunk->maxt_ms;
            series->flags |= SERIES_SAMPLED;
        }
        replay->mint_ms = MIN(replay->mint_ms, chunk->mint_ms);
        replay->maxt_ms = MAX(replay->maxt_ms, chunk->maxt_ms);
        replay->stats.chunks++;
        atomic_fetch_add_explicit(&head->chunks, 1, memory_order_relaxed);
        next = chunk->next;
    }
}

/* ---- records ---- */

/* Whether a stored label set is one that the head takes; the original wrote a few odd ones once. */
static bool labels_usable(Labels labels)
{
    for (size_t i = 0; i < labels.count; i++) {
        if (labels.at[i].value.len == 0 ||
            (i > 0 && str_cmp(labels.at[i - 1].name, labels.at[i].name) >= 0)) {
            return false;
        }
    }
    return labels.count > 0 && labels.count <= HEAD_LABELS_MAX;
}

static bool apply_series(Replay *replay, const RecordEntry *entry, Err *err)
{
    u32 slot;
    bool is_new;
    replay->max_ref = MAX(replay->max_ref, entry->ref);
    if (!labels_usable(entry->labels)) {
        return true;
    }
    if (!head_series_locked(replay->head, entry->labels, entry->ref, &slot, &is_new, err)) {
        return false;
    }
    Series *series = head_slot(replay->head, slot);
    series->flags |= SERIES_LOGGED;
    ref_map_put(&replay->slots, entry->ref, slot);
    if (!is_new && series->ref != entry->ref) {
        /* The log names the series twice; a checkpoint must keep both records for a while. */
        *u64map_put(&replay->head->expiring, entry->ref, NULL) = replay->stats.last_segment;
    }
    attach_chunks(replay, entry->ref, slot);
    replay->stats.series += is_new;
    return true;
}

static void apply_sample(Replay *replay, const RecordEntry *entry)
{
    u32 slot;
    replay->stats.samples++;
    if (!ref_map_get(&replay->slots, entry->ref, &slot)) {
        replay->stats.unknown_refs++;
        replay->max_ref = MAX(replay->max_ref, entry->ref);
        return;
    }
    Series *series = head_slot(replay->head, slot);
    if ((series->flags & SERIES_SAMPLED) && entry->t_ms <= series->open.t_ms) {
        return;
    }
    HeadSample sample = {.t_ms = entry->t_ms,
                         .value = entry->hist ? entry->hist->sum : entry->value,
                         .hist = entry->hist};
    series_append(replay->head, slot, &sample);
    replay->mint_ms = MIN(replay->mint_ms, entry->t_ms);
    replay->maxt_ms = MAX(replay->maxt_ms, entry->t_ms);
    replay->stats.samples_applied++;
}

static bool apply_other(Replay *replay, RecordType type, const RecordEntry *entry, Err *err)
{
    u32 slot;
    if (type == RECORD_SERIES) {
        return apply_series(replay, entry, err);
    }
    if (!ref_map_get(&replay->slots, entry->ref, &slot)) {
        replay->stats.unknown_refs += type != RECORD_METADATA;
        return true;
    }
    if (type == RECORD_TOMBSTONES) {
        tombstones_add(&replay->head->tombstones, slot,
                       (Interval){.first_ms = entry->t_ms, .last_ms = entry->last_ms});
    } else if (type == RECORD_EXEMPLARS) {
        Exemplar exemplar = {.labels = entry->labels, .value = entry->value, .t_ms = entry->t_ms};
        (void)exemplars_add(&replay->head->exemplars, head_slot(replay->head, slot)->ref,
                            &exemplar);
    }
    return true;
}

static bool is_sample(RecordType type)
{
    return type == RECORD_SAMPLES || type >= RECORD_HISTOGRAMS;
}

/* Writes full chunks out now and then, so that memory stays at the running level. */
static bool apply_record(Replay *replay, Str record, Err *err)
{
    RecordReader reader;
    RecordEntry entry = {0};
    bool ok = true;
    record_open(&reader, record);
    RecordType type = reader.type;
    while (ok && record_next(&reader, &replay->arena, &entry)) {
        if (is_sample(type)) {
            apply_sample(replay, &entry);
        } else {
            ok = apply_other(replay, type, &entry, err);
        }
    }
    replay->stats.records++;
    arena_clear(&replay->arena);
    Err why;
    bool whole = record_close(&reader, ok ? err : &why);
    if (ok && whole && replay->head->pending.count >= HEAD_PENDING_MAX) {
        (void)!head_flush(replay->head, NULL); /* a full disk shows when new data comes */
    }
    return ok && whole;
}

/* ---- folders ---- */

typedef enum ReplayEnd { REPLAY_ALL, REPLAY_DAMAGED, REPLAY_FAILED } ReplayEnd;

/* Reads a folder to its end or first damage; *ret_offset is where the good part ends. */
static ReplayEnd replay_folder(Replay *replay, WalReader *reader, bool segments, u32 *ret_segment,
                               u64 *ret_offset, Err *err)
{
    for (;;) {
        Str record;
        wal_reader_place(reader, ret_segment, ret_offset);
        u32 before = *ret_segment;
        u64 good = *ret_offset;
        WalRead read = wal_read(reader, &record, err);
        wal_reader_place(reader, ret_segment, ret_offset);
        if (segments && replay->opts->progress) {
            atomic_store_explicit(&replay->opts->progress->current_segment, *ret_segment,
                                  memory_order_relaxed);
        }
        if (read == WAL_READ_END) {
            return REPLAY_ALL;
        }
        if (read == WAL_READ_BAD) {
            return err->code == ERR_CORRUPT ? REPLAY_DAMAGED : REPLAY_FAILED;
        }
        if (!apply_record(replay, record, err)) {
            *ret_offset = *ret_segment == before ? good : 0;
            return err->code == ERR_CORRUPT ? REPLAY_DAMAGED : REPLAY_FAILED;
        }
    }
}

static bool replay_checkpoint(Replay *replay, const char *path, Err *err)
{
    u32 first;
    u32 count;
    u64 offset;
    WalReader *reader;
    if (!wal_segments(path, &first, &count, err)) {
        return false;
    }
    if (count == 0) {
        return true;
    }
    if (!wal_reader_open(path, first, count, &reader, err)) {
        return false;
    }
    Err damage = {0};
    ReplayEnd end = replay_folder(replay, reader, false, &first, &offset, &damage);
    (void)wal_reader_close(reader);
    if (end == REPLAY_FAILED) {
        return err_set(err, damage.code, "%s", damage.message);
    }
    if (end == REPLAY_DAMAGED) {
        tell(replay, "the checkpoint is damaged; what lies behind is not read", &damage);
    }
    return true;
}

static bool replay_segments(Replay *replay, u32 first, u32 count, Err *err)
{
    u32 segment;
    u64 offset;
    WalReader *reader;
    const char *dir = replay->opts->wal_dir;
    if (!wal_reader_open(dir, first, count, &reader, err)) {
        return false;
    }
    Err damage = {0};
    ReplayEnd end = replay_folder(replay, reader, true, &segment, &offset, &damage);
    (void)wal_reader_close(reader);
    if (end == REPLAY_FAILED) {
        return err_set(err, damage.code, "%s", damage.message);
    }
    if (end == REPLAY_DAMAGED) {
        tell(replay, "the log was cut at its first damage", &damage);
        replay->stats.repaired = true;
        replay->stats.last_segment = segment;
        return wal_repair(dir, segment, offset, err);
    }
    return true;
}

static void set_progress(const Replay *replay, i64 first, i64 last)
{
    ReplayProgress *progress = replay->opts->progress;
    if (progress) {
        atomic_store(&progress->first_segment, first);
        atomic_store(&progress->last_segment, last);
        atomic_store(&progress->current_segment, first);
    }
}

static bool replay_log(Replay *replay, Err *err)
{
    const char *dir = replay->opts->wal_dir;
    char path[CHECKPOINT_PATH_MAX];
    bool found;
    u32 checkpoint = 0;
    u32 first;
    u32 count;
    if (!dir_make(dir, 0777, err) || !checkpoint_find(dir, &found, &checkpoint, path, err) ||
        !wal_segments(dir, &first, &count, err)) {
        return false;
    }
    u32 end = first + count;
    u32 begin = found ? MAX(first, checkpoint + 1) : first;
    replay->stats.last_segment = count ? end - 1 : checkpoint;
    set_progress(replay, begin, replay->stats.last_segment);
    return (!found || replay_checkpoint(replay, path, err)) &&
           (begin >= end || replay_segments(replay, begin, end - begin, err));
}

bool head_replay(Head *head, const ReplayOpts *opts, ReplayStats *ret, Err *err)
{
    Replay replay = {.head = head, .opts = opts, .mint_ms = INT64_MAX, .maxt_ms = INT64_MIN};
    arena_init(&replay.arena, RECORD_MEMORY);
    bool ok = load_chunks(&replay, err) && replay_log(&replay, err);
    if (ok) {
        note_time(head, replay.mint_ms, replay.maxt_ms);
        head->last_ref = MAX(head->last_ref, replay.max_ref);
        *ret = replay.stats;
    }
    if (opts->progress) {
        atomic_store(&opts->progress->done, ok);
    }
    ref_map_done(&replay.slots);
    u64map_done(&replay.loaded);
    vec_done(&replay.series);
    vec_done(&replay.chunks);
    arena_done(&replay.arena);
    return ok;
}

void head_attach_wal(Head *head, Wal *wal)
{
    head->opts.wal = wal;
}
