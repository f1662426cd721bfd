/* Version: see version.h. Layer: role. Thread: any. */
#include "role/version.h"

#include <sys/utsname.h>

void version_print(Buf *out, Str program, Str version)
{
    struct utsname host;
    const char *machine = uname(&host) == 0 ? host.machine : "unknown";
    buf_printf(out, STR_FMT ", version " STR_FMT " (branch: vigie, revision: " VIGIE_VERSION ")\n",
               STR_ARG(program), STR_ARG(version));
    buf_printf(out, "  compiler:         %s\n", __VERSION__);
    buf_printf(out, "  platform:         linux/%s\n", machine);
}
