/*
 * Block devices: counters from /proc/diskstats, descriptions from udev's database.
 *
 * Layer: role/node_exporter. Memory: the scrape's scratch. Thread: scrapes are serialised.
 * Source: Documentation/admin-guide/iostats.rst of Linux; udev(7).
 */
#include "role/node_exporter/collector.h"

#include <stdio.h>

#define SECTOR_BYTES 512.0
#define S_PER_MS     0.001

typedef struct DiskColumn {
    const char *name;
    const char *help;
    PageType type;
    f64 factor;
} DiskColumn;

/* In the order of the file, behind major, minor and name. */
static const DiskColumn columns[] = {
    {"node_disk_reads_completed_total", "The total number of reads completed successfully.",
     PAGE_COUNTER, 1},
    {"node_disk_reads_merged_total", "The total number of reads merged.", PAGE_COUNTER, 1},
    {"node_disk_read_bytes_total", "The total number of bytes read successfully.", PAGE_COUNTER,
     SECTOR_BYTES},
    {"node_disk_read_time_seconds_total", "The total number of seconds spent by all reads.",
     PAGE_COUNTER, S_PER_MS},
    {"node_disk_writes_completed_total", "The total number of writes completed successfully.",
     PAGE_COUNTER, 1},
    {"node_disk_writes_merged_total", "The number of writes merged.", PAGE_COUNTER, 1},
    {"node_disk_written_bytes_total", "The total number of bytes written successfully.",
     PAGE_COUNTER, SECTOR_BYTES},
    {"node_disk_write_time_seconds_total",
     "This is the total number of seconds spent by all writes.", PAGE_COUNTER, S_PER_MS},
    {"node_disk_io_now", "The number of I/Os currently in progress.", PAGE_GAUGE, 1},
    {"node_disk_io_time_seconds_total", "Total seconds spent doing I/Os.", PAGE_COUNTER, S_PER_MS},
    {"node_disk_io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os.",
     PAGE_COUNTER, S_PER_MS},
    {"node_disk_discards_completed_total", "The total number of discards completed successfully.",
     PAGE_COUNTER, 1},
    {"node_disk_discards_merged_total", "The total number of discards merged.", PAGE_COUNTER, 1},
    {"node_disk_discarded_sectors_total", "The total number of sectors discarded successfully.",
     PAGE_COUNTER, 1},
    {"node_disk_discard_time_seconds_total",
     "This is the total number of seconds spent by all discards.", PAGE_COUNTER, S_PER_MS},
    {"node_disk_flush_requests_total", "The total number of flush requests completed successfully",
     PAGE_COUNTER, 1},
    {"node_disk_flush_requests_time_seconds_total",
     "This is the total number of seconds spent by all flush requests.", PAGE_COUNTER, S_PER_MS},
};

enum { COLUMN_FIRST = 3 };

/* What udev knows of a device that the exporter shows. */
typedef struct DiskProperties {
    Str model, path, revision, serial, serial_short, serial_scsi, wwn;
    Str fs_type, fs_usage, fs_uuid, fs_version;
    Str dm_layer, dm_lv, dm_name, dm_uuid, dm_vg;
    Str ata_cache, ata_cache_on, ata_rpm;
} DiskProperties;

static void property_line(DiskProperties *properties, Str key, Str value)
{
    const struct {
        Str key;
        Str *field;
    } rows[] = {
        {S("ID_MODEL"), &properties->model},
        {S("ID_PATH"), &properties->path},
        {S("ID_REVISION"), &properties->revision},
        {S("ID_SERIAL"), &properties->serial},
        {S("ID_SERIAL_SHORT"), &properties->serial_short},
        {S("SCSI_IDENT_SERIAL"), &properties->serial_scsi},
        {S("ID_WWN"), &properties->wwn},
        {S("ID_FS_TYPE"), &properties->fs_type},
        {S("ID_FS_USAGE"), &properties->fs_usage},
        {S("ID_FS_UUID"), &properties->fs_uuid},
        {S("ID_FS_VERSION"), &properties->fs_version},
        {S("DM_LV_LAYER"), &properties->dm_layer},
        {S("DM_LV_NAME"), &properties->dm_lv},
        {S("DM_NAME"), &properties->dm_name},
        {S("DM_UUID"), &properties->dm_uuid},
        {S("DM_VG_NAME"), &properties->dm_vg},
        {S("ID_ATA_WRITE_CACHE"), &properties->ata_cache},
        {S("ID_ATA_WRITE_CACHE_ENABLED"), &properties->ata_cache_on},
        {S("ID_ATA_ROTATION_RATE_RPM"), &properties->ata_rpm},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_eq(key, rows[i].key)) {
            *rows[i].field = value;
        }
    }
}

/* Lines "E:KEY=value" of the device's file; a machine without udev has none. */
static void read_properties(Collect *collect, Str major, Str minor, DiskProperties *ret)
{
    char path[COLLECT_PATH_MAX];
    Str text;
    Str kept;
    Str line;
    (void)snprintf(path, sizeof(path), STR_FMT "/b" STR_FMT ":" STR_FMT,
                   STR_ARG(collect->opts->udev_data), STR_ARG(major), STR_ARG(minor));
    if (!read_path(collect, path, &text, NULL) || !arena_str(collect->arena, text, &kept, NULL)) {
        return;
    }
    while (next_line(&kept, &line)) {
        size_t equals = str_find_byte(line, '=');
        if (equals != STR_NOT_FOUND && str_starts_with(line, S("E:"))) {
            property_line(ret, str_slice(line, 2, equals), str_skip(line, equals + 1));
        }
    }
    if (ret->serial_short.len > 0) {
        ret->serial = ret->serial_short;
    }
    if (ret->serial_scsi.len > 0) { /* the short serial of a SCSI disk only repeats its WWN */
        ret->serial = ret->serial_scsi;
    }
}

static void put_number(Collect *collect, Str device, Str text, const char *name, const char *help)
{
    f64 value;
    if (parse_number(text, &value)) {
        MetricFamily family =
            metric_page_family(collect->page, str_from(name), PAGE_GAUGE, str_from(help));
        metric_page_put(collect->page, family, (PageLabel[]){{"device", device}}, 1, value);
    }
}

static void put_description(Collect *collect, const Str *fields, Str device)
{
    DiskProperties properties = {0};
    Str rotational;
    read_properties(collect, fields[0], fields[1], &properties);
    if (!sys_text(collect, &rotational, "block/" STR_FMT "/queue/rotational", STR_ARG(device))) {
        rotational = S("0"); /* as the original shows what it cannot read */
    }
    MetricFamily info = metric_page_family(collect->page, S("node_disk_info"), PAGE_GAUGE,
                                           S("Info of /sys/block/<block_device>."));
    const PageLabel labels[] = {
        {"device", device},
        {"major", fields[0]},
        {"minor", fields[1]},
        {"path", properties.path},
        {"wwn", properties.wwn},
        {"model", properties.model},
        {"serial", properties.serial},
        {"revision", properties.revision},
        {"rotational", rotational},
    };
    metric_page_put(collect->page, info, labels, COUNT_OF(labels), 1);

    if (properties.fs_type.len > 0) {
        MetricFamily filesystem = metric_page_family(collect->page, S("node_disk_filesystem_info"),
                                                     PAGE_GAUGE, S("Info about disk filesystem."));
        const PageLabel fs_labels[] = {
            {"device", device},
            {"type", properties.fs_type},
            {"usage", properties.fs_usage},
            {"uuid", properties.fs_uuid},
            {"version", properties.fs_version},
        };
        metric_page_put(collect->page, filesystem, fs_labels, COUNT_OF(fs_labels), 1);
    }
    if (properties.dm_name.len > 0) {
        MetricFamily mapper = metric_page_family(collect->page, S("node_disk_device_mapper_info"),
                                                 PAGE_GAUGE, S("Info about disk device mapper."));
        const PageLabel dm_labels[] = {
            {"device", device},
            {"name", properties.dm_name},
            {"uuid", properties.dm_uuid},
            {"vg_name", properties.dm_vg},
            {"lv_name", properties.dm_lv},
            {"lv_layer", properties.dm_layer},
        };
        metric_page_put(collect->page, mapper, dm_labels, COUNT_OF(dm_labels), 1);
    }
    put_number(collect, device, properties.ata_cache, "node_disk_ata_write_cache",
               "ATA disk has a write cache.");
    put_number(collect, device, properties.ata_cache_on, "node_disk_ata_write_cache_enabled",
               "ATA disk has its write cache enabled.");
    put_number(collect, device, properties.ata_rpm, "node_disk_ata_rotation_rate_rpm",
               "ATA disk rotation rate in RPMs (0 for SSDs).");
}

bool collect_diskstats(Collect *collect, Err *err)
{
    Str file;
    Str text;
    Str line;
    if (!read_proc(collect, "diskstats", &file, err) ||
        !arena_str(collect->arena, file, &text, err)) { /* descriptions are read in between */
        return err_wrap(err, "couldn't get diskstats");
    }
    while (next_line(&text, &line)) {
        Str fields[COLUMN_FIRST + COUNT_OF(columns)];
        size_t count = split_fields(line, fields, COUNT_OF(fields));
        if (count <= COLUMN_FIRST ||
            !filter_passes(collect->filters->diskstats_include, collect->filters->diskstats_exclude,
                           fields[2])) {
            continue;
        }
        put_description(collect, fields, fields[2]);
        for (size_t i = COLUMN_FIRST; i < count; i++) {
            const DiskColumn *column = &columns[i - COLUMN_FIRST];
            f64 value;
            if (!parse_number(fields[i], &value)) {
                return err_set(err, ERR_INVALID, "invalid value in diskstats: " STR_FMT,
                               STR_ARG(line));
            }
            MetricFamily family = metric_page_family(collect->page, str_from(column->name),
                                                     column->type, str_from(column->help));
            metric_page_put(collect->page, family, (PageLabel[]){{"device", fields[2]}}, 1,
                            value * column->factor);
        }
    }
    return true;
}
