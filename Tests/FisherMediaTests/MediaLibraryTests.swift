import Testing

@testable import FisherMedia

struct MediaLibraryTests {
    @Test func aLibraryThatIsNotThereIsNamed() {
        let error = #expect(throws: MediaError.self) { try MediaLibrary(path: "/nowhere/libnothing.so") }
        #expect(error?.description.contains("/nowhere/libnothing.so") == true)
    }

    @Test func functionsAreFoundByName() throws {
        #if os(Linux)
            let library = try MediaLibrary(path: "libc.so.6")
            _ = try library.symbol("strlen")
            let error = #expect(throws: MediaError.self) { try library.symbol("no_such_function") }
            #expect(error?.description.contains("no_such_function") == true)
        #endif
    }
}

struct MediaLibraryNameTests {
    @Test(
        "A variable that names no library is an error, whatever else is installed",
        arguments: MediaLibraryName.allCases)
    func variable(_ library: MediaLibraryName) {
        let error = #expect(throws: MediaError.self) {
            try library.find(neededBy: "a.flac", environment: [library.variable: "/nowhere/x.so"])
        }
        let text = "\(String(describing: error))"
        #expect(text.contains(library.title) && text.contains("a.flac needs it"))
        #expect(text.contains(library.variable) && text.contains("/nowhere/x.so"))
    }

    @Test func foldersAreSearchedBesideTheEngineAndInTheCache() {
        let folders = MediaLibraryName.folders(engine: "/c/.engine/torch", environment: ["HOME": "/h"])
        #expect(folders == ["/c/.engine/media", "/h/.cache/swift-fisher/media"])
        let cache = MediaLibraryName.folders(
            engine: nil, environment: ["HOME": "/h", "XDG_CACHE_HOME": "/x"])
        #expect(cache == ["/x/swift-fisher/media"])
    }
}
