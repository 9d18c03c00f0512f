// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

const char *bh_status_name(bh_status status)
{
    switch (status) {
#define BH_STATUS_NAME(name, value, text)                                              \
    case BH_##name:                                                                    \
        return "BH_" #name;
        BH_STATUS_MAP(BH_STATUS_NAME)
#undef BH_STATUS_NAME
    }
    return "BH_UNKNOWN";
}

const char *bh_status_message(bh_status status)
{
    switch (status) {
#define BH_STATUS_TEXT(name, value, text)                                              \
    case BH_##name:                                                                    \
        return text;
        BH_STATUS_MAP(BH_STATUS_TEXT)
#undef BH_STATUS_TEXT
    }
    return "unknown status";
}

const char *bh_version(void)
{
    return BH_VERSION_TEXT;
}

bh_status bh_fail(bh_error *err, bh_status status, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->status = status;
        vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
    }
    return status;
}

bh_status bh_fail_plain(bh_error *err, bh_status status)
{
    return bh_fail(err, status, "%s", bh_status_message(status));
}
