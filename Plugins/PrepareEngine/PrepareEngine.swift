import Foundation
import PackagePlugin

/// `swift package prepare-engine`: puts libtorch into the user's cache folder, where this package's manifest
/// looks for it, for those who depend on the libraries and never run our `make`.
@main
struct PrepareEngine: CommandPlugin {
    func performCommand(context: PluginContext, arguments: [String]) async throws {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "/") + "/.cache"
        let script = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Scripts/prepare-engine").standardizedFileURL
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["python3", "-I", script.path, cache + "/swift-fisher/libtorch-2.13.0"]
            + arguments.filter { $0 == "--any-wheel" }
        try process.run()
        process.waitUntilExit()
        if process.terminationStatus != 0 {
            Diagnostics.error("libtorch was not prepared; the line above says why")
        }
    }
}
