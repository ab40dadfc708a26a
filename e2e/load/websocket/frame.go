package websocket

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
)

const largest = 1 << 20 // bytes of a message

func (c *Conn) write(op byte, payload []byte) error {
	frame := []byte{0x80 | op} // final
	var masked byte
	if c.client {
		masked = 0x80
	}
	switch n := len(payload); {
	case n < 126:
		frame = append(frame, masked|byte(n))
	case n < 1<<16:
		frame = binary.BigEndian.AppendUint16(append(frame, masked|126), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, masked|127), uint64(n))
	}
	if c.client {
		var key [4]byte
		rand.Read(key[:])
		frame = append(frame, key[:]...)
		for i, b := range payload {
			frame = append(frame, b^key[i%4])
		}
	} else {
		frame = append(frame, payload...)
	}
	_, err := c.Write(frame)
	return err
}

func (c *Conn) read() (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return 0, nil, err
	}
	size, err := c.size(head[1] & 0x7f)
	if err != nil {
		return 0, nil, err
	}
	if head[0]&0x80 == 0 || size > largest {
		return 0, nil, errors.New("websocket: message in several frames, or over 1 MiB")
	}
	var key [4]byte
	if head[1]&0x80 != 0 {
		if _, err := io.ReadFull(c.r, key[:]); err != nil {
			return 0, nil, err
		}
	}
	payload = make([]byte, size)
	if _, err := io.ReadFull(c.r, payload); err != nil {
		return 0, nil, err
	}
	for i := range payload {
		payload[i] ^= key[i%4]
	}
	return head[0] & 0xf, payload, nil
}

func (c *Conn) size(short byte) (uint64, error) {
	var ext [8]byte
	switch short {
	case 126:
		_, err := io.ReadFull(c.r, ext[6:])
		return binary.BigEndian.Uint64(ext[:]), err
	case 127:
		_, err := io.ReadFull(c.r, ext[:])
		return binary.BigEndian.Uint64(ext[:]), err
	}
	return uint64(short), nil
}
