// SPDX-License-Identifier: Apache-2.0
// A client that is answered with arbitrary bytes; under guard `sealed` with what a
// server says, changed.
#include "sealed.h"

static pair pairs[2];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    pairs[0].service = make_service(1e12, BH_REVEAL_LABEL);
    pairs[1].service = make_service(BH_LINK_BYTES_ONLY, BH_REVEAL_LOGITS);
    return 0;
}

static void feed(const uint8_t *data, size_t size)
{
    const bh_client_options options = {.guard = BH_GUARD_SAMPLED};
    bh_client *client;
    if (bh_client_new(&client, &options) == BH_OK) {
        bh_status status = bh_client_feed(client, data, size, NULL);
        (void)status;
        bh_client_free(client);
    }
}

// An input that does not begin with the length of a hello is one of `sealed`.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 3 && data[3] != 0) {
        converse(&pairs[data[3] % 2], false, (input){data + 4, size - 4});
    } else {
        feed(data, size);
    }
    return 0;
}
