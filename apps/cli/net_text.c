// SPDX-License-Identifier: Apache-2.0
#include "net_text.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#define TEXT_BYTES_MAX ((size_t)1 << 16)

bh_status net_text_read(char **out, const char *net, bh_error *err)
{
    static const char ending[] = ".net";
    const size_t len = strlen(net), end = sizeof ending - 1;
    uint8_t *data = NULL;
    size_t data_len = 0;
    bh_status status = BH_OK;
    *out = NULL;
    if (len > end && strcmp(net + len - end, ending) == 0) {
        status = bh_file_load(&data, &data_len, net, TEXT_BYTES_MAX, err);
        *out = status == BH_OK ? strndup((const char *)data, data_len) : NULL;
        bh_free(data);
    } else {
        *out = strdup(net);
    }
    return status == BH_OK && *out == NULL ? bh_fail_plain(err, BH_ERR_NOMEM) : status;
}
