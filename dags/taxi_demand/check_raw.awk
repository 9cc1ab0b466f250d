# Checks the trips: awk -v min_rows=N -v days=N -v last=YYYY-MM-DD -f check_raw.awk trips.csv
# Prints one line a check and exits with 1 if one of them is an error; a warning alone passes.
BEGIN { FS = "," }
FNR == 1 { next }
{
  rows++
  if ($1 == "") empty++
  day = substr($1, 1, 10)
  if (!(day in seen)) { seen[day] = 1; distinct++ }
  if (day > newest) newest = day
  if ($3 < 0 || $3 > 200) odd++
}
function check(name, good, level, text) {
  printf "%-8s %-16s %s\n", good ? "ok" : level, name, text
  if (!good && level == "error") errors++
}
END {
  check("rows", rows >= min_rows, "error", rows + 0 " of at least " min_rows)
  check("pickup_filled", empty == 0, "error", empty + 0 " without a pickup time")
  check("days", distinct == days, "error", distinct + 0 " of " days)
  check("fresh", newest == last, "error", "newest day " newest ", expected " last)
  check("distance", odd <= rows / 1000, "warning", odd + 0 " outside 0 to 200 km")
  exit errors > 0
}
