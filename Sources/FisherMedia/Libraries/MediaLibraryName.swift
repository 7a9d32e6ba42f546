import FisherFiles
import Foundation
import Torch

/// The shared libraries that decode sound and images.
package enum MediaLibraryName: CaseIterable, Sendable {
    /// libsndfile: FLAC, Ogg Vorbis, Opus, MP3, AIFF and compressed WAV.
    case sound
    /// libvips: PNG and JPEG.
    case images

    /// The library's own name.
    package var title: String {
        switch self {
        case .sound: "libsndfile"
        case .images: "libvips"
        }
    }

    /// The environment variable that names a file to be used instead of all others.
    package var variable: String {
        switch self {
        case .sound: "FISHER_SNDFILE"
        case .images: "FISHER_VIPS"
        }
    }

    /// The name under which `Scripts/prepare-media` installs it.
    package var fileName: String {
        #if os(macOS)
            title + ".dylib"
        #else
            title + ".so"
        #endif
    }

    /// The names by which the system's loader knows it.
    private var systemNames: [String] {
        switch self {
        #if os(macOS)
            case .sound: ["libsndfile.1.dylib", "libsndfile.dylib"]
            case .images: ["libvips.42.dylib", "libvips.dylib"]
        #else
            case .sound: ["libsndfile.so.1"]
            case .images: ["libvips.so.42"]
        #endif
        }
    }

    private var debianPackage: String {
        switch self {
        case .sound: "libsndfile1"
        case .images: "libvips42"
        }
    }

    /// The folders in which `Scripts/prepare-media` installs: beside libtorch, and in the user's cache folder.
    static func folders(engine: String?, environment: [String: String]) -> [String] {
        let home = environment["HOME"] ?? "/"
        let cache = environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? home + "/.cache"
        let beside = engine.map { DurableStorage.folder(of: $0) + "/media" }
        return [beside, cache + "/swift-fisher/media"].compactMap(\.self)
    }

    /// Opens the library: the file that the environment variable names, or else the one in a folder of
    /// `Scripts/prepare-media`, or else the system's.
    ///
    /// - Parameters:
    ///   - file: the file that cannot be read without the library, for the error.
    ///   - engine: libtorch's folder.
    ///   - environment: the environment's variables.
    /// - Throws: `MediaError.libraryMissing`, whose sentence says what to install or to set.
    package func find(
        neededBy file: String? = nil, engine: String? = Engine.folder,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(MediaError) -> MediaLibrary {
        let purpose = file.map { " (\($0) needs it)" } ?? ""
        if let path = environment[variable], !path.isEmpty {
            do throws(MediaError) { return try MediaLibrary(path: path) } catch {
                throw .libraryMissing(
                    title, reason: "\(variable) names a file that cannot be opened\(purpose): \(error)")
            }
        }
        for folder in Self.folders(engine: engine, environment: environment) {
            let path = folder + "/" + fileName
            let kind = (try? DurableStorage.kind(of: path, followingLinks: true)) ?? nil
            if kind == .file { return try MediaLibrary(path: path) }
        }
        for name in systemNames {
            if let found = try? MediaLibrary(path: name) { return found }
        }
        throw .libraryMissing(
            title,
            reason: "it is not installed\(purpose); run Scripts/prepare-media of swift-fisher, "
                + "or install Debian's \(debianPackage), or name the library's file in \(variable)")
    }

    /// The version of a library that was opened.
    package func version(of library: MediaLibrary) -> String {
        switch self {
        case .sound: library.text(ofFunction: "sf_version_string") ?? "of an unknown version"
        case .images: library.text(ofFunction: "vips_version_string") ?? "of an unknown version"
        }
    }
}
