import CMedia
import Synchronization

/// libsndfile, opened at run time.
struct SoundLibrary: Sendable {
    private let library: MediaLibrary
    /// The addresses of its functions.
    private let addresses: [UInt]

    /// The library keeps the reason of a failure in one place.
    private static let turns = Mutex(())

    /// Opens the library; throws `MediaError.libraryMissing`, which names the file that needs it.
    init(neededBy file: String?) throws(MediaError) {
        library = try MediaLibraryName.sound.find(neededBy: file)
        var addresses: [UInt] = []
        for name in ["sf_open_virtual", "sf_readf_float", "sf_close", "sf_strerror"] {
            addresses.append(UInt(bitPattern: try library.symbol(name)))
        }
        self.addresses = addresses
    }

    /// Decodes a file's bytes of at most `most` samples; throws `MediaError.badFile` where that is impossible.
    func decode(_ bytes: [UInt8], path: String, most: Int) throws(MediaError) -> DecodedSound {
        var sound = cm_sound()
        var reason = [CChar](repeating: 0, count: 512)
        var functions = cm_sound_functions(
            open_virtual: UnsafeMutableRawPointer(bitPattern: addresses[0]),
            read_float: UnsafeMutableRawPointer(bitPattern: addresses[1]),
            close: UnsafeMutableRawPointer(bitPattern: addresses[2]),
            error_text: UnsafeMutableRawPointer(bitPattern: addresses[3]))
        let status = Self.turns.withLock { _ in
            cm_sound_decode(
                &functions, bytes, Int64(bytes.count), Int64(most), &sound, &reason, reason.count)
        }
        defer { cm_free(sound.samples) }
        switch status {
        case 0: break
        case 1:
            let text = String(
                decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            throw .badFile(path, reason: "is no sound that libsndfile can read: \(text)")
        case 2: throw .badFile(path, reason: "is a sound for which memory does not suffice")
        default:
            throw .badFile(path, reason: "holds more than \(most) samples; cut it into shorter files")
        }
        if sound.announced > sound.frames {
            throw .badFile(
                path,
                reason: "is cut off or damaged: it announces \(sound.announced) samples a channel, "
                    + "of which \(sound.frames) can be read")
        }
        let count = Int(sound.frames) * Int(sound.channels)
        return DecodedSound(
            samples: Array(UnsafeBufferPointer(start: sound.samples, count: count)),
            channels: Int(sound.channels), rate: Int(sound.rate))
    }
}
