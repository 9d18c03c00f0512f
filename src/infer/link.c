// SPDX-License-Identifier: Apache-2.0
// Links by name.
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "bayhenn/session.h"

#define SPEED_MAX 1e15 // bytes a second
#define RTT_MAX   60.0 // seconds
// The round trip where none is given: below 1 Gbit/s, and from there on.
#define RTT_FAR  20e-3
#define RTT_NEAR BH_LINK_RTT_SECONDS

typedef struct unit {
    const char *name;
    double worth;
} unit;

static const unit speeds[] = {
    {"gbit", 1e9 / 8}, {"mbit", 1e6 / 8}, {"kbit", 1e3 / 8}, {"", 1}, {NULL, 0}};
static const unit times[] = {{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {NULL, 0}};

// A decimal number with a unit, all of the text up to its end or a comma; -1 if it is
// none. strtod alone would take signs, spaces, names and hexadecimal digits as well.
static double quantity(const char *text, const unit *units)
{
    char *end;
    size_t len = strcspn(text, ",");
    if (text[0] < '0' || text[0] > '9' || strcspn(text, "xX") < len) {
        return -1;
    }
    double value = strtod(text, &end);
    len -= (size_t)(end - text);
    for (; units->name != NULL; units++) {
        if (strlen(units->name) == len && strncmp(end, units->name, len) == 0) {
            return value * units->worth;
        }
    }
    return -1;
}

static bh_status refuse(bh_error *err, const char *problem, const char *text)
{
    return bh_fail(err, BH_ERR_ARG,
                   "a link is 10gbit, 1gbit, \"100mbit,40ms\", bytes per second or "
                   "\"bytes\": %s in \"%s\"",
                   problem, text);
}

bh_status bh_link_parse(bh_link *out, const char *text, bh_error *err)
{
    *out = (bh_link){0};
    if (strcmp(text, "bytes") == 0) {
        *out = (bh_link){BH_LINK_BYTES_ONLY, 0};
        return BH_OK;
    }
    double speed = quantity(text, speeds);
    if (!(speed > BH_LINK_BYTES_ONLY && speed <= SPEED_MAX)) {
        return refuse(err, "no such speed", text);
    }
    const char *comma = strchr(text, ',');
    double rtt = speed < BH_LINK_BYTES_PER_SECOND ? RTT_FAR : RTT_NEAR;
    if (comma != NULL) {
        rtt = strchr(comma + 1, ',') == NULL ? quantity(comma + 1, times) : -1;
    }
    if (!(rtt >= 0 && rtt <= RTT_MAX)) {
        return refuse(err, "no such round trip", text);
    }
    *out = (bh_link){speed, rtt};
    return BH_OK;
}
