package deploy_test

import "testing"

func TestExamples(t *testing.T) {
	for name, values := range examples(t) {
		t.Run(name, func(t *testing.T) {
			all := rendered(t, values)
			for k := range all {
				t.Log(k)
			}
		})
	}
}
