# SPDX-License-Identifier: GPL-2.0
# Reads the cases and then the results (side, case, instructions); prints the
# table of medians and ratios, and writes the plot to the file named by svg.

function median(key,	n, list, i, j, swap) {
	n = split(values[key], list, " ")
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && list[j] + 0 < list[j - 1] + 0; j--) {
			swap = list[j]
			list[j] = list[j - 1]
			list[j - 1] = swap
		}
	return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

function text(x, y, anchor, s) {
	printf "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, s > svg
}

function bar(x, y, width, height, colour) {
	printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", \
		x, y, width, height, colour > svg
}

# One row a case: the kernel's own as the full length, ours as its share
function plot(	i, y, left, full) {
	left = 360
	full = 400
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" ", \
		left + full + 200, 34 * rows + 60 > svg
	print "font-family=\"sans-serif\" font-size=\"13\">" > svg
	print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>" > svg
	text(left, 24, "start", "instructions an operation: the kernel's own (grey), ours (blue)")
	for (i = 1; i <= rows; i++) {
		y = 14 + 34 * i
		text(left - 8, y + 14, "end", row_what[i])
		bar(left, y, full, 9, "#bbbbbb")
		bar(left, y + 11, full * row_ours[i] / row_kernel[i], 9, "#2166ac")
		text(left + full + 8, y + 9, "start", sprintf("%d", row_kernel[i]))
		text(left + full + 8, y + 22, "start", \
		     sprintf("%d, %.2f times", row_ours[i], row_kernel[i] / row_ours[i]))
	}
	print "</svg>" > svg
}

BEGIN { FS = "\t" }
/^#/ { next }
FNR == NR {
	name[++cases] = $1
	against[cases] = $2
	goal[cases] = $3
	what[cases] = $4
	next
}
{ values[$1 SUBSEP $2] = values[$1 SUBSEP $2] " " $3 }

END {
	printf "%-50s %12s %10s %7s %9s\n", "instructions an operation, medians", \
		"the kernel's", "ours", "ratio", "at least"
	for (i = 1; i <= cases; i++) {
		kernel = "kernel" SUBSEP against[i]
		ours = "ours" SUBSEP name[i]
		if (!(kernel in values) || !(ours in values)) {
			printf "%-50s %40s\n", what[i], "not measured"
			continue
		}
		rows++
		row_what[rows] = what[i]
		row_kernel[rows] = median(kernel)
		row_ours[rows] = median(ours)
		ratio = row_kernel[rows] / row_ours[rows]
		verdict = goal[i] == "-" ? "" : ratio >= goal[i] ? "reached" : "missed"
		goals += verdict != ""
		reached += verdict == "reached"
		printf "%-50s %12d %10d %7.2f %9s %s\n", what[i], row_kernel[rows], \
			row_ours[rows], ratio, goal[i] == "-" ? "" : goal[i], verdict
	}
	printf "%d of %d goals reached\n", reached, goals
	plot()
}
