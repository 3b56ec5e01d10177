//! Bytes through the decoder of a codec. The first byte picks the codec and in which pieces the bytes come.
//! However they come, the same plain bytes are made of them, and a decoder can take over where one says so.

#![no_main]

use afterglow_fuzz::seeds;
use afterglow_ingest::codec::{Codec, Restart};
use libfuzzer_sys::fuzz_target;

const CODECS: [Codec; 6] = [Codec::Plain, Codec::Zstd, Codec::Lz4, Codec::Snappy, Codec::Lzf, Codec::Gzip];
const PIECES: [usize; 6] = [usize::MAX, 1, 3, 64, 1000, 4096];
const LIMITS: [usize; 4] = [1 << 16, 1, 100, 4096];
/// Plain bytes after which an input is left: some bytes make thousands of times as many.
const ENOUGH: usize = 1 << 20;

struct Decoded {
    plain: Vec<u8>,
    failed: bool,
    /// Not all was decoded.
    left: bool,
    restart: Restart,
}

fn decode(codec: Codec, bytes: &[u8], piece: usize, limit: usize) -> Decoded {
    let mut decoder = codec.decoder();
    let mut out = Decoded { plain: Vec::new(), failed: false, left: false, restart: Restart::default() };
    let mut given = 0;
    for chunk in bytes.chunks(piece.min(bytes.len().max(1))).chain([&[][..]]) {
        let mut at = 0;
        loop {
            let mut made = Vec::new();
            let step = decoder.decode(&chunk[at..], &mut made, limit);
            let more = made.len() >= limit;
            out.plain.extend(made);
            match step {
                Ok(n) => {
                    assert!(n <= chunk.len() - at, "took more than there was");
                    assert!(n > 0 || more || at == chunk.len(), "took and made nothing");
                    at += n;
                    given += n;
                }
                Err(_) => out.failed = true,
            }
            out.restart = decoder.restart();
            // A step that failed does not say how much it took.
            let read = if out.failed { given + chunk.len() - at } else { given };
            assert!(out.restart.offset as usize <= read, "a restart beyond what was read");
            assert!(out.restart.plain as usize <= out.plain.len() || out.failed, "a restart beyond what was made");
            out.left = out.plain.len() > ENOUGH;
            if out.failed || out.left {
                return out;
            }
            if at == chunk.len() && !more {
                break;
            }
        }
    }
    let _ = decoder.is_complete();
    out
}

fuzz_target!(
    init: seeds::plant("codec", seeds),
    |data: &[u8]| {
        let [how, bytes @ ..] = data else { return };
        let how = usize::from(*how);
        let codec = CODECS[how % 6];
        let whole = decode(codec, bytes, usize::MAX, 1 << 16);
        let pieces = decode(codec, bytes, PIECES[how / 6 % 6], LIMITS[how / 36 % 4]);
        let shorter = whole.plain.len().min(pieces.plain.len());
        assert_eq!(whole.plain[..shorter], pieces.plain[..shorter], "{codec:?}: other bytes");
        if whole.left || pieces.left {
            return;
        }
        assert_eq!(whole.failed, pieces.failed, "{codec:?}: fails in one of two ways");
        if !whole.failed {
            assert_eq!(whole.plain.len(), pieces.plain.len(), "{codec:?}: more or less");
            let from = whole.restart;
            let rest = decode(codec, &bytes[from.offset as usize..], usize::MAX, 1 << 16);
            assert!(rest.plain == whole.plain[from.plain as usize..], "{codec:?}: another end behind {from:?}");
        }
    }
);

fn seeds() -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for (name, bytes) in seeds::files(|case| case.starts_with("4.3.0/codec-")) {
        let Some(kind) = CODECS.iter().position(|c| *c == Codec::detect(&bytes)) else { continue };
        if !name.contains("local-") {
            continue;
        }
        let short = &bytes[..bytes.len().min(24 << 10)];
        out.push([&[kind as u8], short].concat());
        out.push([&[kind as u8 + 6 * 4], &short[..short.len() / 8]].concat());
    }
    // Small ones of every kind: what is short is tried more often.
    for (kind, bytes) in [
        (0, b"{\"Event\":\"SparkListenerLogStart\"}\n".to_vec()),
        (1, [&b"first\n"[..], b"second\n"].map(|p| zstd::encode_all(p, 1).expect("zstd")).concat()),
        (2, b"LZ4Block\x15\x06\0\0\0\x06\0\0\0\0\0\0\0hello\nLZ4Block\x15\0\0\0\0\0\0\0\0\0\0\0\0".to_vec()),
        (3, b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\0\0\0\x08\x06\x14hello\n".to_vec()),
        (4, b"ZV\0\0\x06hello\nZV\x01\0\x08\0\x06\x05hello\n".to_vec()),
        (5, b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\0\x20\x30\x3a\x36\x06\0\0\0".to_vec()),
    ] {
        out.extend((0..24).map(|how| [&[kind + 6 * how], &bytes[..]].concat()));
    }
    out
}
