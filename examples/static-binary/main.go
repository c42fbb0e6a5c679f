// Serves the pages of the volume.
package main

import (
	"log"
	"net/http"
	"os"
)

func main() {
	pages := http.Dir(os.Getenv("DATA_DIR_PATH") + "/pages")
	log.Printf("listening, pid %d", os.Getpid())
	log.Fatal(http.ListenAndServe(":8080", http.FileServer(pages)))
}
