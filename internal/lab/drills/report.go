//go:build unix

package drills

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// report is what the laboratory reads of a drill's JSON.
type report struct {
	Outages   []outage   `json:"outages"`
	Takeovers []takeover `json:"takeovers"`
	Lost      struct {
		Beats, Of int64
		AtRisk    int64 `json:"at_risk"`
		Undecided bool
	} `json:"lost"`
	Nodes []node `json:"nodes"`

	text, live string
}

type outage struct {
	Began   time.Time
	Ended   *time.Time
	Seconds float64 `json:"duration_seconds"`
	AtLeast float64 `json:"at_least_seconds"`
	AtMost  float64 `json:"at_most_seconds"`
	Before  place
	After   place
}

type takeover struct{ From, To place }

type place struct {
	Node     string
	Timeline uint32
	Era      int64 `json:"era,string"`
	Value    int64
}

type node struct {
	Node      string
	Condition string
	Rebuilt   *time.Time
}

func readReport(file string) (*report, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &report{text: string(text)}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("the report is not JSON: %w", err)
	}
	return r, nil
}

// find returns a node by its name, nil for none.
func (r *report) find(name string) *node {
	for i := range r.Nodes {
		if r.Nodes[i].Node == name {
			return &r.Nodes[i]
		}
	}
	return nil
}
