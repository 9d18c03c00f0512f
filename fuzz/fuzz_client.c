// SPDX-License-Identifier: Apache-2.0
// A client that is answered with arbitrary bytes.
#include "bayhenn/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const bh_client_options options = {.guard_min = BH_GUARD_SAMPLED};
    bh_client *client;
    if (bh_client_new(&client, &options) == BH_OK) {
        bh_status status = bh_client_feed(client, data, size, NULL);
        (void)status;
        bh_client_free(client);
    }
    return 0;
}
