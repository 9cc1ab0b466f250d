# Trips whose seconds per kilometre lie more than four standard deviations from the mean. The file is read twice.
BEGIN { FS = ","; OFS = "," }
FNR == 1 { pass++; if (pass == 2) print $0, "z"; next }
{ pace = $4 / ($3 + 1) }
pass == 1 { n++; sum += pace; squares += pace * pace; next }
{
  if (!deviation) { mean = sum / n; deviation = sqrt(squares / n - mean * mean) }
  z = (pace - mean) / deviation
  if (z > 4 || z < -4) printf "%s,%.1f\n", $0, z
}
