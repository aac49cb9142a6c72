package eval

// limitCases are those of rule 9: what one host may produce.
func limitCases() []evalCase {
	return []evalCase{}
}
