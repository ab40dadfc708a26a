package bluegreen

import (
	"fmt"
	"slices"
)

// MaxPort is the highest number of a port.
const MaxPort = 65535

// notHTTP are ports that usually speak something else than HTTP without TLS: IANA's service names
// and port numbers (RFC 6335), and the defaults of widespread software. A proxy passes their bytes
// on.
var notHTTP = map[string][]uint16{
	"TLS":                     {443, 853, 2376, 6443, 8443, 9443, 10250},
	"remote access":           {22, 23, 512, 513, 514, 2222, 3389, 5900, 5901},
	"mail":                    {25, 110, 143, 465, 587, 993, 995, 2525, 4190},
	"files":                   {20, 21, 139, 445, 548, 873, 989, 990, 2049, 3260},
	"names and directories":   {53, 88, 389, 464, 636, 3268, 3269},
	"databases":               {1433, 1521, 3050, 3306, 5432, 5433, 6432, 9042, 9142, 26257, 27017, 27018, 27019, 33060, 50000},
	"caches and coordination": {2181, 2379, 2380, 2888, 3888, 6379, 6380, 8300, 8301, 9300, 11211, 16379, 26379},
	"brokers and queues":      {1414, 1883, 4222, 4369, 5671, 5672, 6222, 6650, 8883, 9092, 11300, 25672, 61613, 61616},
	"chat and voice":          {1935, 3478, 5060, 5061, 5222, 5269, 6667, 6697, 64738},
	"the rest":                {1080, 1194, 1723, 3128, 10051, 25565},
}

// UsualMode is the mode of a port that nothing says anything of.
func UsualMode(target uint16) string {
	for _, ports := range notHTTP {
		if slices.Contains(ports, target) {
			return ModeTCP
		}
	}
	return ModeHTTP
}

// TakenPort is the error for a port of metrics that the proxies listen on already.
func (s *Settings) TakenPort() error {
	taken := s.Metrics == ControlPort || s.Preview != nil && s.Metrics == s.Preview.Port
	if s.Metrics != 0 && (taken || slices.ContainsFunc(s.Ports, func(port Port) bool { return port.Target == s.Metrics })) {
		return fmt.Errorf("%s.metrics.port: the proxies listen on %d already: use another one", Key, s.Metrics)
	}
	return nil
}
