/*
 * Cache: reading a page into a batch. See cache.h. Layer: scrape. Memory: scratch is the batch's.
 * Thread: one at a time.
 */
#include "scrape/cache_internal.h"

#include "base/mem.h"

enum {
    LOOK_AHEAD = 4,          /* entries tried behind the expected one before the table is asked */
    EXEMPLARS_MAX = 1 << 20, /* of one page; the rest is dropped */
};

typedef struct Pass {
    ScrapeCache *cache;
    const ScrapePage *page;
    ScrapeBatch *batch;
    ScrapeCounts *counts;
    ExpositionReader reader;
    size_t expected;   /* the entry that should come next */
    size_t live_known; /* tracked entries that came again */
    u64 limited;       /* samples counted against sample_limit */
    MetricType type;   /* of the family announced last */
    Err *err;
} Pass;

/* From here on the order of this page differs from the entries'. */
static void note_change(Pass *pass, bool is_new)
{
    if (!pass->cache->changed) {
        pass->cache->changed = true;
        pass->cache->moved_only = true;
        pass->cache->kept = pass->expected;
    }
    if (is_new) {
        pass->cache->moved_only = false;
    }
}

static void push_order(ScrapeBatch *batch, size_t index)
{
    if (batch->order_count == batch->order_capacity) {
        batch->order_capacity = batch->order_capacity ? batch->order_capacity * 2 : 256;
        batch->order = mem_grow(batch->order, batch->order_capacity, sizeof(*batch->order));
    }
    batch->order[batch->order_count++] = (u32)index;
}

/* Not the expected one: perhaps a few lines are missing, perhaps it lies elsewhere. */
static bool find_elsewhere(Pass *pass, Hash128 hash, size_t *ret_index)
{
    ScrapeCache *cache = pass->cache;
    size_t end = MIN(pass->expected + 1 + LOOK_AHEAD, cache->count);
    for (size_t i = pass->expected + 1; i < end; i++) {
        if (entry_is(&cache->entries[i], hash)) {
            *ret_index = i;
            return true;
        }
    }
    if (pass->expected > 0 && entry_is(&cache->entries[pass->expected - 1], hash)) {
        *ret_index = pass->expected - 1; /* the line before once more */
        return true;
    }
    return cache_table_find(cache, hash, ret_index);
}

static bool find_entry(Pass *pass, Hash128 hash, size_t *ret_index)
{
    ScrapeCache *cache = pass->cache;
    if (LIKELY(pass->expected < cache->count && entry_is(&cache->entries[pass->expected], hash))) {
        *ret_index = pass->expected;
        return true;
    }
    return find_elsewhere(pass, hash, ret_index);
}

/* A text the cache does not know. *ret_index: its new entry, or SIZE_MAX when none was made. */
static bool learn_series(Pass *pass, Hash128 hash, size_t *ret_index)
{
    ScrapeCache *cache = pass->cache;
    const SampleRules *rules = cache->opts.rules;
    ArenaMark before = arena_mark(&pass->batch->arena);
    Labels labels = LABELS_EMPTY;
    SeriesId series = 0;
    LabelOutcome outcome = series_labels(rules, cache->opts.target_labels, pass->reader.series_text,
                                         pass->type, &pass->batch->arena, &labels, pass->err);
    bool ok = outcome == LABELS_KEPT || outcome == LABELS_DROPPED;
    bool over =
        outcome == LABELS_KEPT && rules->sample_limit > 0 && pass->limited >= rules->sample_limit;
    pass->counts->over_label_limit |= outcome == LABELS_OVER_LIMIT;
    if (outcome == LABELS_KEPT && !over) {
        ok = cache->opts.sink->series(cache->opts.sink, labels, &series, NULL, pass->err);
    }
    arena_reset(&pass->batch->arena, before);
    if (ok && cache->count == SCRAPE_ENTRIES_MAX) {
        return err_set(pass->err, ERR_LIMIT, "more than %d series in one target",
                       SCRAPE_ENTRIES_MAX);
    }
    *ret_index = SIZE_MAX;
    if (ok && !over) {
        note_change(pass, true);
        pass->counts->series_added += outcome == LABELS_KEPT;
        size_t length = pass->reader.series_text.len;
        *ret_index = cache_add_entry(
            cache,
            (CacheEntry){.hash_low = hash.low,
                         .hash_high = (u32)hash.high,
                         .length = length <= ENTRY_LENGTH_MAX ? length & ENTRY_LENGTH_MAX : 0,
                         .dropped = outcome == LABELS_DROPPED,
                         .series = series});
    }
    return ok;
}

/* The entry was found: note that this page has it. Returns whether it had it before. */
static bool note_seen(Pass *pass, size_t index)
{
    ScrapeCache *cache = pass->cache;
    CacheEntry *entry = &cache->entries[index];
    if (seen_this_round(cache, entry)) {
        return true;
    }
    if (UNLIKELY(index != pass->expected)) {
        note_change(pass, false);
    }
    if (UNLIKELY(cache->changed)) {
        push_order(pass->batch, index);
    }
    /* A new entry at the end says nothing about what comes next. */
    pass->expected = index < cache->known ? index + 1 : pass->expected;
    entry->round = cache->round & ENTRY_ROUND_MAX;
    entry->live = 0;
    return false;
}

static void put_exemplar(Pass *pass)
{
    ScrapeBatch *batch = pass->batch;
    if (batch->exemplar_count == EXEMPLARS_MAX) {
        return;
    }
    if (batch->exemplar_count == batch->exemplar_capacity) {
        batch->exemplar_capacity = batch->exemplar_capacity ? batch->exemplar_capacity * 2 : 64;
        batch->exemplars =
            mem_grow(batch->exemplars, batch->exemplar_capacity, sizeof(*batch->exemplars));
    }
    batch->exemplars[batch->exemplar_count++] =
        (BatchExemplar){.sample = (u32)batch->count - 1, .text = pass->reader.exemplar_text};
}

static void put_sample(Pass *pass, size_t index, bool explicit_time)
{
    ScrapeCache *cache = pass->cache;
    const SampleRules *rules = cache->opts.rules;
    CacheEntry *entry = &cache->entries[index];
    bool live = !explicit_time || rules->track_timestamps_staleness;
    BatchSample sample = {.series = entry->series,
                          .t_ms = explicit_time ? pass->reader.t_ms : pass->page->t_ms,
                          .value = pass->reader.value};
    if (sample.t_ms > pass->page->now_ms + SCRAPE_AHEAD_MAX_MS) {
        pass->counts->out_of_bounds++;
        return;
    }
    if (live && !entry->live) {
        entry->live = 1;
        pass->live_known += entry->tracked;
    }
    scrape_batch_add(pass->batch, sample,
                     (BatchMark){.entry = (u32)index & SCRAPE_ENTRIES_MAX,
                                 .kind = live ? BATCH_LIVE : BATCH_EXPLICIT,
                                 .line = (u32)pass->counts->scraped - 1});
    if (UNLIKELY(pass->reader.exemplar_text.len > 0) && rules->exemplars) {
        put_exemplar(pass);
    }
}

/*
 * Does the expected series stand here? Its length says where its text would end, and the hash of
 * those bytes whether it is that text: then the reader need not search for the end.
 */
static void guess_series(Pass *pass)
{
    const ScrapeCache *cache = pass->cache;
    ExpositionReader *reader = &pass->reader;
    reader->expected_series.len = 0;
    if (UNLIKELY(pass->expected >= cache->count)) {
        return;
    }
    const CacheEntry *entry = &cache->entries[pass->expected];
    size_t length = entry->length;
    if (length > 0 && (size_t)(reader->end - reader->at) > length && reader->at[length] == ' ' &&
        entry_is(entry, hash_bytes_128(reader->at, length, cache->seed))) {
        reader->expected_series = (Str){.ptr = reader->at, .len = length};
    }
}

/* The entry of the series that the reader stands at. *ret_index is SIZE_MAX when there is none
 * because of sample_limit. */
static bool identify(Pass *pass, size_t *ret_index)
{
    if (LIKELY(pass->reader.as_expected)) {
        *ret_index = pass->expected;
        return true;
    }
    Str text = pass->reader.series_text;
    Hash128 hash = hash_bytes_128(text.ptr, text.len, pass->cache->seed);
    return find_entry(pass, hash, ret_index) || learn_series(pass, hash, ret_index);
}

static bool take_sample(Pass *pass)
{
    ScrapeCache *cache = pass->cache;
    const SampleRules *rules = cache->opts.rules;
    size_t index = 0;
    pass->counts->scraped++;
    if (!identify(pass, &index)) {
        return false;
    }
    if (index == SIZE_MAX) { /* past sample_limit: only counted */
        pass->limited++;
        pass->counts->added++;
        return true;
    }
    bool again = note_seen(pass, index);
    if (cache->entries[index].dropped) {
        return true;
    }
    bool explicit_time = pass->reader.has_timestamp && rules->honor_timestamps;
    pass->counts->added++;
    if (again && !explicit_time) {
        pass->counts->duplicates++;
        return true;
    }
    pass->limited++;
    if (rules->sample_limit == 0 || pass->limited <= rules->sample_limit) {
        put_sample(pass, index, explicit_time);
    }
    return true;
}

static void take_metadata(Pass *pass, ExpositionEntry kind)
{
    ArenaMark before = arena_mark(&pass->batch->arena);
    MetricType type =
        metadata_page_line(pass->cache->opts.metadata, kind, &pass->reader, &pass->batch->arena);
    arena_reset(&pass->batch->arena, before);
    if (kind == EXPOSITION_TYPE) {
        pass->type = type;
    }
}

static bool read_entries(Pass *pass)
{
    for (;;) {
        guess_series(pass);
        ExpositionEntry kind = exposition_next(&pass->reader, pass->err);
        switch (kind) {
        case EXPOSITION_SAMPLE:
            if (!take_sample(pass)) {
                return false;
            }
            break;
        case EXPOSITION_HELP:
        case EXPOSITION_TYPE:
        case EXPOSITION_UNIT:
            take_metadata(pass, kind);
            break;
        case EXPOSITION_COMMENT:
            break;
        case EXPOSITION_END:
            return true;
        case EXPOSITION_BAD:
            return false;
        }
    }
}

static void put_stale(ScrapeBatch *batch, const ScrapeCache *cache, size_t index, i64 t_ms)
{
    BatchSample marker = {.series = cache->entries[index].series,
                          .t_ms = t_ms,
                          .value = f64_from_bits(STALE_NAN_BITS)};
    scrape_batch_add(batch, marker,
                     (BatchMark){.entry = (u32)index & SCRAPE_ENTRIES_MAX, .kind = BATCH_STALE});
}

/* Markers for what was live last time and is not on this page. Counting while reading tells when
 * there is none, so that the usual page needs no second look at its entries. */
static void mark_vanished(Pass *pass)
{
    ScrapeCache *cache = pass->cache;
    if (pass->live_known == cache->tracked) {
        return;
    }
    for (size_t i = 0; i < cache->known; i++) {
        const CacheEntry *entry = &cache->entries[i];
        bool live = seen_this_round(cache, entry) && entry->live;
        if (entry->tracked && !live) {
            put_stale(pass->batch, cache, i, pass->page->t_ms);
        }
    }
}

static bool check_sample_limit(Pass *pass)
{
    u64 limit = pass->cache->opts.rules->sample_limit;
    if (limit == 0 || pass->limited <= limit) {
        return true;
    }
    pass->counts->over_sample_limit = true;
    return err_set(pass->err, ERR_LIMIT, "sample limit exceeded");
}

bool scrape_cache_read(ScrapeCache *cache, const ScrapePage *page, ScrapeBatch *batch,
                       ScrapeCounts *counts, Err *err)
{
    Pass pass = {.cache = cache, .page = page, .batch = batch, .counts = counts, .err = err};
    *counts = (ScrapeCounts){0};
    cache_begin_page(cache);
    metadata_page_begin(cache->opts.metadata);
    scrape_batch_reserve(batch, cache->tracked + BATCH_REPORTS_MAX);
    exposition_init(&pass.reader, page->format, page->body);
    bool ok = read_entries(&pass);
    metadata_page_end(cache->opts.metadata, ok);
    if (!ok || !check_sample_limit(&pass)) {
        scrape_batch_clear(batch);
        cache_forget_page(cache);
        return false;
    }
    if (!cache->changed && pass.expected < cache->known) {
        note_change(&pass, true); /* the page ends early: what is behind goes */
    }
    mark_vanished(&pass);
    return true;
}

void scrape_cache_stale(ScrapeCache *cache, i64 t_ms, ScrapeBatch *batch)
{
    cache_begin_page(cache);
    for (size_t i = 0; i < cache->count && cache->tracked > 0; i++) {
        if (cache->entries[i].tracked) {
            put_stale(batch, cache, i, t_ms);
        }
    }
}
