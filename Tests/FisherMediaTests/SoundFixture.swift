import FisherMedia
import Foundation
import Testing

/// What `Reference/sound.py` computed.
struct SoundFixture: Decodable {
    struct File: Decodable, Sendable, CustomTestStringConvertible {
        let file: String
        let rate: Int
        let channels: Int
        let samples: [Float]
        var testDescription: String { file }
    }
    struct Resampled: Decodable, Sendable, CustomTestStringConvertible {
        let from: Int
        let to: Int
        let samples: [Double]
        let expected: [Double]
        var testDescription: String { "\(from) to \(to)" }
    }
    let files: [File]
    let resampled: [Resampled]

    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Fixtures/sound").standardizedFileURL.path

    static let all: SoundFixture = {
        guard let data = FileManager.default.contents(atPath: folder + "/sound.json"),
            let found = try? JSONDecoder().decode(SoundFixture.self, from: data)
        else { preconditionFailure("Tests/Fixtures/sound/sound.json cannot be read") }
        return found
    }()

    /// Whether libsndfile is there; where it is missing `make media` installs it.
    static let hasLibrary = (try? MediaLibraryName.sound.find()) != nil
}
