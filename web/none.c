/*
 * None: what stands in the table of assets when the web interface was not built (-Dweb=false).
 *
 * Layer: none, linked beside net. Memory: constants. Thread: any.
 */
#include "net/assets.h"

#define PAGE                                                                                       \
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Vigie</title></head>"   \
    "<body><h1>Vigie</h1><p>This program was built without its web interface "                     \
    "(<code>-Dweb=false</code>). The API is there: <a href=\"api/v1/targets\">targets</a>, "       \
    "<a href=\"metrics\">metrics</a>.</p></body></html>\n"

const Asset web_assets[] = {
    {
        .name = STR_INIT("index.html"),
        .content_type = STR_INIT("text/html; charset=utf-8"),
        .etag = STR_INIT("\"none\""),
        .plain = STR_INIT(PAGE),
    },
};
const size_t web_asset_count = 1;
