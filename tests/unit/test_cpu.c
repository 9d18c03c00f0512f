// SPDX-License-Identifier: Apache-2.0
// Levels of processors, and the one that BH_CPU forces.
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/random.h"
#include "support/test.h"

// The features that Linux reports, as far as a level needs them.
static const char *const features[] = {
    [BH_CPU_PORTABLE] = "",
    [BH_CPU_AVX2] = "avx2 fma bmi2",
    [BH_CPU_AVX512] = "avx2 fma bmi2 avx512f avx512dq avx512bw avx512vl avx512ifma "
                      "avx512vbmi avx512_vpopcntdq vaes",
};

static void test_levels(void **state)
{
    (void)state;
    char line[8192] = "";
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f != NULL && strncmp(line, "flags", 5) != 0 &&
           fgets(line, sizeof line, f) != NULL) {
    }
    if (f != NULL) {
        fclose(f);
    }
    if (strncmp(line, "flags", 5) != 0) {
        print_message("skipped: no flags in /proc/cpuinfo\n");
        skip();
    }
    *strchr(line, '\n') = ' ';
    for (int level = BH_CPU_PORTABLE; level <= BH_CPU_AVX512; level++) {
        char wanted[256], word[64];
        int all = 1;
        strcpy(wanted, features[level]);
        for (char *at = strtok(wanted, " "); at != NULL; at = strtok(NULL, " ")) {
            snprintf(word, sizeof word, " %s ", at);
            all = all && strstr(line, word) != NULL;
        }
        printf("%s: %d\n", bh_cpu_name((bh_cpu)level), all);
        assert_int_equal(!bh_cpu_has((bh_cpu)level), !all);
    }
}

static void test_forced(void **state)
{
    (void)state;
    static const char *const bad[] = {"avx", "AVX2", "portable ", "avx512f"};
    bh_cpu cpu, best = BH_CPU_PORTABLE;
    bh_stream *stream;
    for (int level = BH_CPU_PORTABLE; level <= BH_CPU_AVX512; level++) {
        bh_error err = {0};
        setenv("BH_CPU", bh_cpu_name((bh_cpu)level), 1);
        if (bh_cpu_has((bh_cpu)level)) {
            best = (bh_cpu)level;
            assert_ok(bh_cpu_pick(&cpu, &err));
            assert_int_equal(cpu, level);
        } else {
            assert_status(bh_cpu_pick(&cpu, &err), BH_ERR_PARAMS);
            assert_non_null(strstr(err.message, "this processor lacks it"));
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        bh_error err = {0};
        setenv("BH_CPU", bad[i], 1);
        assert_status(bh_cpu_pick(&cpu, &err), BH_ERR_PARAMS);
        assert_non_null(strstr(err.message, bad[i]));
        assert_non_null(strstr(err.message, "it takes portable, avx2 or avx512"));
        assert_status(bh_stream_new(&stream), BH_ERR_PARAMS);
        assert_null(stream);
    }
    setenv("BH_CPU", "", 1);
    assert_ok(bh_cpu_pick(&cpu, NULL));
    assert_int_equal(cpu, best);
    unsetenv("BH_CPU");
    assert_ok(bh_cpu_pick(&cpu, NULL));
    assert_int_equal(cpu, best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_forced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
