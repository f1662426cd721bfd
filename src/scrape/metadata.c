/* Metadata: see metadata.h. Layer: scrape. Memory: symbols and two arrays. Thread: see there. */
#include "scrape/metadata.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/vec.h"

#include <string.h>

void metadata_init(Metadata *metadata, SymbolTable *strings)
{
    *metadata = (Metadata){.strings = strings};
    pthread_mutex_init(&metadata->lock, NULL);
}

static void release_family(Metadata *metadata, const MetadataFamily *family)
{
    symbols_release(metadata->strings, family->name);
    symbols_release(metadata->strings, family->help);
    symbols_release(metadata->strings, family->unit);
}

void metadata_done(Metadata *metadata)
{
    for (size_t i = 0; i < metadata->family_count; i++) {
        release_family(metadata, &metadata->families[i]);
    }
    mem_free(metadata->families);
    mem_free(metadata->lines);
    mem_free(metadata->fresh);
    pthread_mutex_destroy(&metadata->lock);
    *metadata = (Metadata){0};
}

bool metric_type_parse(Str s, MetricType *ret)
{
    if (str_eq(s, S("untyped"))) {
        *ret = METRIC_UNKNOWN;
        return true;
    }
    for (MetricType type = METRIC_UNKNOWN; type <= METRIC_STATESET; type++) {
        if (str_eq(s, str_from(metric_type_name(type)))) {
            *ret = type;
            return true;
        }
    }
    return false;
}

void metadata_page_begin(Metadata *metadata)
{
    metadata->round++;
    metadata->expected = 0;
    metadata->kept = 0;
    metadata->changed = false;
    metadata->fresh_count = 0;
    metadata->touched = 0;
}

static MetadataFamily *find_family(const Metadata *metadata, Str name)
{
    Symbol symbol;
    if (!symbols_find(metadata->strings, name, &symbol)) {
        return NULL;
    }
    for (size_t i = 0; i < metadata->family_count; i++) {
        if (metadata->families[i].name == symbol) {
            return &metadata->families[i];
        }
    }
    return NULL;
}

static MetadataFamily *add_family(Metadata *metadata, Str name)
{
    Symbol symbol;
    if (metadata->family_count == METADATA_FAMILIES_MAX ||
        !symbols_acquire(metadata->strings, name, &symbol, NULL)) {
        return NULL;
    }
    vec_grow((void **)&metadata->families, &metadata->family_capacity, metadata->family_count + 1,
             sizeof(*metadata->families));
    metadata->families[metadata->family_count] = (MetadataFamily){.name = symbol};
    return &metadata->families[metadata->family_count++];
}

static void set_text(Metadata *metadata, Symbol *slot, Str text)
{
    Symbol fresh;
    if (symbols_acquire(metadata->strings, text, &fresh, NULL)) {
        symbols_release(metadata->strings, *slot);
        *slot = fresh;
    }
}

static void set_fact(Metadata *metadata, MetadataFamily *family, ExpositionEntry kind,
                     const ExpositionReader *reader, Arena *scratch)
{
    Str text = str_take(reader->text, METADATA_TEXT_MAX);
    MetricType type = METRIC_UNKNOWN;
    switch (kind) {
    case EXPOSITION_TYPE:
        (void)metric_type_parse(reader->text, &type);
        family->type = type;
        break;
    case EXPOSITION_UNIT:
        set_text(metadata, &family->unit, text);
        break;
    default:
        if (exposition_unescape_help(text, reader->format, scratch, &text, NULL)) {
            set_text(metadata, &family->help, text);
        }
        break;
    }
}

static void touch(Metadata *metadata, MetadataFamily *family)
{
    metadata->touched += family->round != metadata->round;
    family->round = metadata->round;
}

static u64 hash_line(ExpositionEntry kind, const ExpositionReader *reader)
{
    u64 hash = hash_combine(hash_str(reader->family), hash_str(reader->text));
    return hash_combine(hash, (u64)kind);
}

/* A line that is not where it was: look its family up and remember the new order. */
static MetricType take_changed(Metadata *metadata, ExpositionEntry kind,
                               const ExpositionReader *reader, u64 hash, Arena *scratch)
{
    MetricType type = METRIC_UNKNOWN;
    pthread_mutex_lock(&metadata->lock);
    MetadataFamily *family = find_family(metadata, reader->family);
    if (!family) {
        family = add_family(metadata, reader->family);
    }
    if (family) {
        set_fact(metadata, family, kind, reader, scratch);
        touch(metadata, family);
        type = family->type;
        vec_grow((void **)&metadata->fresh, &metadata->fresh_capacity, metadata->fresh_count + 1,
                 sizeof(*metadata->fresh));
        metadata->fresh[metadata->fresh_count++] =
            (MetadataLine){.hash = hash, .family = (u32)(family - metadata->families)};
    } else if (kind == EXPOSITION_TYPE) {
        (void)metric_type_parse(reader->text, &type);
    }
    pthread_mutex_unlock(&metadata->lock);
    return type;
}

MetricType metadata_page_line(Metadata *metadata, ExpositionEntry kind,
                              const ExpositionReader *reader, Arena *scratch)
{
    u64 hash = hash_line(kind, reader);
    if (!metadata->changed && metadata->expected < metadata->line_count &&
        metadata->lines[metadata->expected].hash == hash) {
        MetadataFamily *family = &metadata->families[metadata->lines[metadata->expected].family];
        touch(metadata, family);
        metadata->expected++;
        return family->type;
    }
    if (!metadata->changed) {
        metadata->changed = true;
        metadata->kept = metadata->expected;
    }
    return take_changed(metadata, kind, reader, hash, scratch);
}

static void replace_lines(Metadata *metadata)
{
    size_t count = metadata->kept + metadata->fresh_count;
    metadata->lines = mem_grow(metadata->lines, MAX(count, (size_t)1), sizeof(MetadataLine));
    if (metadata->fresh_count > 0) {
        memcpy(metadata->lines + metadata->kept, metadata->fresh,
               metadata->fresh_count * sizeof(MetadataLine));
    }
    metadata->line_count = count;
    mem_free(metadata->fresh);
    metadata->fresh = NULL;
    metadata->fresh_count = 0;
    metadata->fresh_capacity = 0;
}

/* Forgets families that no page has named for long; no remembered line names them either. */
static void expire_families(Metadata *metadata)
{
    u32 *moved_to = MEM_ARRAY(u32, metadata->family_count);
    size_t count = 0;
    pthread_mutex_lock(&metadata->lock);
    for (size_t i = 0; i < metadata->family_count; i++) {
        MetadataFamily family = metadata->families[i];
        if (metadata->round - family.round > METADATA_KEPT_ROUNDS) {
            release_family(metadata, &family);
            continue;
        }
        moved_to[i] = (u32)count;
        metadata->families[count++] = family;
    }
    metadata->family_count = count;
    pthread_mutex_unlock(&metadata->lock);
    for (size_t i = 0; i < metadata->line_count; i++) {
        metadata->lines[i].family = moved_to[metadata->lines[i].family];
    }
    mem_free(moved_to);
}

void metadata_page_end(Metadata *metadata, bool whole)
{
    if (whole && !metadata->changed && metadata->expected < metadata->line_count) {
        metadata->changed = true; /* the page got shorter */
        metadata->kept = metadata->expected;
    }
    if (whole && metadata->changed) {
        replace_lines(metadata);
    }
    if (whole && metadata->touched < metadata->family_count) {
        expire_families(metadata);
    }
}

static MetricMetadata view_of(const Metadata *metadata, const MetadataFamily *family)
{
    return (MetricMetadata){.name = symbols_text(metadata->strings, family->name),
                            .type = family->type,
                            .help = symbols_text(metadata->strings, family->help),
                            .unit = symbols_text(metadata->strings, family->unit)};
}

void metadata_each(Metadata *metadata, void (*each)(void *self, const MetricMetadata *family),
                   void *self)
{
    pthread_mutex_lock(&metadata->lock);
    for (size_t i = 0; i < metadata->family_count; i++) {
        MetricMetadata family = view_of(metadata, &metadata->families[i]);
        each(self, &family);
    }
    pthread_mutex_unlock(&metadata->lock);
}

bool metadata_find(Metadata *metadata, Str name, Arena *arena, MetricMetadata *ret)
{
    pthread_mutex_lock(&metadata->lock);
    const MetadataFamily *family = find_family(metadata, name);
    bool found = family != NULL;
    if (found) {
        MetricMetadata view = view_of(metadata, family);
        found = arena_str(arena, view.name, &view.name, NULL) &&
                arena_str(arena, view.help, &view.help, NULL) &&
                arena_str(arena, view.unit, &view.unit, NULL);
        if (found) {
            *ret = view;
        }
    }
    pthread_mutex_unlock(&metadata->lock);
    return found;
}

void metadata_stats(Metadata *metadata, MetadataStats *ret)
{
    MetadataStats stats = {0};
    pthread_mutex_lock(&metadata->lock);
    stats.families = metadata->family_count;
    for (size_t i = 0; i < metadata->family_count; i++) {
        MetricMetadata view = view_of(metadata, &metadata->families[i]);
        stats.bytes += view.help.len + view.unit.len + strlen(metric_type_name(view.type));
    }
    pthread_mutex_unlock(&metadata->lock);
    *ret = stats;
}
