//go:build linux

package lab

import (
	"fmt"
	"io"
	"net"
	"os"
)

// switchMain keeps the lab's network namespace and is the nameserver of its nodes. Where the lab
// belongs to a process, standard input is a pipe from it: when that breaks, the process has ended,
// and whatever way it did, the lab is removed here.
func switchMain(args []string) error {
	conn, err := net.ListenPacket("udp4", ":53")
	if err != nil {
		return err
	}
	if err := reportReady(); err != nil {
		return err
	}
	l, err := Open(args[0])
	if err != nil {
		return err
	}
	if l.Owner == "" {
		return serveDNS(conn)
	}
	go serveDNS(conn)
	io.Copy(io.Discard, os.Stdin)
	fmt.Println("the owner of the lab has ended: removing it")
	return destroy(l.Name)
}

// serveDNS answers every question with NXDOMAIN at once. Docker's own DNS asks the node's
// nameserver about every name that it does not know, also of services that do not exist yet, and
// waits 10 s where nothing answers.
func serveDNS(conn net.PacketConn) error {
	packet := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(packet)
		if err != nil {
			return err
		}
		if answer := nxdomain(packet[:n]); answer != nil {
			conn.WriteTo(answer, from)
		}
	}
}

// nxdomain is the answer to a DNS query, nil if it is none.
func nxdomain(query []byte) []byte {
	const header = 12
	end := header
	for end < len(query) && query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // the root label, type and class
	if end > len(query) {
		return nil
	}
	answer := make([]byte, end)
	copy(answer, query[:2])           // id
	answer[2], answer[3] = 0x81, 0x83 // response, recursion desired and available, no such name
	answer[5] = 1                     // one question, no answers
	copy(answer[header:], query[header:end])
	return answer
}
