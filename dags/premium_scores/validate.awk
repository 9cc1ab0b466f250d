# Checks the customers and prints the result as JSON; exits with 1 if a check failed.
BEGIN { FS = "," }
FNR == 1 { next }
{
  rows++
  if (NF != 4) torn++
  if ($2 < 18 || $2 > 120) age++
  if (seen[$1]++) twice++
}
function expectation(name, success, observed) {
  printf "%s\n    {\"expectation\": \"%s\", \"success\": %s, \"observed\": %d}", printed++ ? "," : "", name,
    success ? "true" : "false", observed
  if (!success) failed++
}
END {
  printf "{\"results\": ["
  expectation("row_count", rows == expected, rows)
  expectation("columns", !torn, torn)
  expectation("age_between_18_and_120", !age, age)
  expectation("id_unique", !twice, twice)
  printf "\n  ], \"success\": %s}\n", failed ? "false" : "true"
  exit failed > 0
}
