/* What each unit test includes: cmocka, which wants these headers before its own. */
#ifndef ROTA_TESTS_UNIT_UNIT_H
#define ROTA_TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#endif
