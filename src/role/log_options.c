/* Log options: see log_options.h. Layer: role. Thread: main. */
#include "role/log_options.h"

#include "base/log.h"

const char *const log_level_choices[] = {"debug", "info", "warn", "error", NULL};
const char *const log_format_choices[] = {"logfmt", "json", NULL};

bool log_options_apply(Str level_text, Str format_text, Err *err)
{
    LogLevel level;
    LogFormat format;
    if (!log_level_parse(level_text, &level) || !log_format_parse(format_text, &format)) {
        return err_set(err, ERR_INVALID, "unknown log level or format");
    }
    log_set_level(level);
    log_set_format(format);
    return true;
}
